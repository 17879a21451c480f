"""Skills with several steps or parts: series of jokes and the like, riddles, stories, opposites."""

from __future__ import annotations

import random
from collections.abc import Callable

from scripts.train_demo_model.corpus.arithmetic import (
    Turn,
    calculation,
    counting,
    going_on,
    neighbours,
)
from scripts.train_demo_model.corpus.patterns import expand, slot, word_lists
from scripts.train_demo_model.corpus.topics import Topic, pick, topics

RIDDLES = (
    ("What has hands but can never clap?", "clock"),
    ("What gets wetter the more it dries?", "towel"),
    ("What has many keys but opens no door?", "piano"),
    ("What has a neck but no head?", "bottle"),
    ("What has teeth but never bites?", "comb"),
)

_THINGS = {
    "a shiny key": "It opened a little door, and behind it was a room full of songs.",
    "a lost letter": "It brought the letter home, and everybody was thankful.",
    "a golden leaf": "It gave the leaf to a friend, and they both smiled.",
    "a tiny lamp": "When night came, the lamp showed everyone the way home.",
}
_PLACES = ("a green forest", "a small village", "a quiet garden", "an old house by the sea")


def joined(word: str) -> str:
    """Put the right article before a word."""
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def story(source: random.Random, hero: str | None = None) -> str:
    """Tell a story of five sentences."""
    who = hero or slot("animal", source)
    thing = source.choice(list(_THINGS))
    return (
        f"Once upon a time, {joined(who)} lived in {source.choice(_PLACES)}. "
        f"One day the {who} found {thing}. {_THINGS[thing]} The end."
    )


def story_turn(source: random.Random) -> Turn:
    """Ask for a story, often about an animal."""
    if source.random() < 0.5:
        return topics("games")["story"].question(source), story(source)
    hero = slot("animal", source)
    ask = expand(topics("games")["story_about"].asks[0].replace("{w}", hero), source)
    return ask.replace(f" a {hero}", f" {joined(hero)}"), story(source, hero)


def series(source: random.Random, repeats: int) -> list[Turn]:
    """Ask for a joke, fact, poem, haiku or story, and then for more of it."""
    names = [*topics("series"), "story"]
    name = source.choices(names, [3, 1.2, 1.5, 1.6, 2])[0]
    if name == "story":
        turns = [story_turn(source)]
        turns += [(another(source), story(source)) for _ in range(repeats)]
        return turns
    topic = topics("series")[name]
    start = source.randrange(len(topic.answers))
    asks = [topic.question(source), *(another(source, name) for _ in range(repeats))]
    return [(ask, series_item(topic, start + step)) for step, ask in enumerate(asks)]


def series_item(topic: Topic, place: int) -> str:
    """Give the item at a place of a series, which goes round."""
    return topic.answers[place % len(topic.answers)].replace(" / ", "\n")


def another(source: random.Random, name: str = "story") -> str:
    """Ask for one more of the same kind."""
    if source.random() < 0.25:
        lead = "(another|one more|tell me another|give me another|a different|a new|next)"
        return expand(f"{lead} {name}", source)
    return topics("followups")["another"].question(source)


def joke_about(source: random.Random) -> Turn:
    """Ask for a joke about something: there are only a few, so the next best is told."""
    topic = topics("games")["joke_about"]
    joke = series_item(topics("series")["joke"], source.randrange(100))
    return topic.question(source), f"{topic.answers[0]} {joke}"


def posed(place: int) -> str:
    """Pose the riddle at a place of their list, which goes round."""
    return f"Here is a riddle: {RIDDLES[place % len(RIDDLES)][0]}"


def solved(place: int) -> str:
    """Tell the answer of the riddle at a place."""
    return f"The answer is: a {RIDDLES[place % len(RIDDLES)][1]}!"


def guess_at(place: int, source: random.Random) -> str:
    """Give up on a riddle, or guess, rightly or wrongly."""
    games = topics("games")
    if source.random() < 0.47:
        return games["give_up"].question(source)
    answer = RIDDLES[place % len(RIDDLES)][1]
    guessed = source.choice([answer, answer, source.choice(RIDDLES)[1], "{noun}"])
    return expand(games["guess"].asks[0].replace("{answer}", guessed), source)


def riddle(source: random.Random) -> list[Turn]:
    """Pose a riddle; often the person then guesses or gives up, and is told the answer."""
    place = source.randrange(len(RIDDLES))
    turns = [(topics("games")["riddle"].question(source), posed(place))]
    if source.random() < 0.85:
        turns.append((guess_at(place, source), solved(place)))
    return turns


def opposite(source: random.Random) -> list[Turn]:
    """Give the opposite of a simple word."""
    word, other = source.choice(word_lists()["opposite"]).split("/")
    if source.random() < 0.4:
        word, other = other, word
    ask = f"(what is|what's|tell me|whats|give me|say|name|) the opposite (of|to) {word}( please|)"
    return [(expand(ask, source), f"The opposite of {word} is {other}.")]


def plain(source: random.Random) -> list[Turn]:
    """Ask for something the model knows by heart."""
    question, answer = pick("plain_skills", source).turn(source)
    return [(question, answer.replace(" / ", "\n"))]


def _sums(source: random.Random) -> list[Turn]:
    turns = calculation(source)
    return turns + calculation(source, "and") if source.random() < 0.12 else turns


_SKILLS: tuple[tuple[float, Callable[[random.Random], list[Turn]]], ...] = (
    (41, _sums),
    (1, lambda source: [going_on(source, None)]),
    (4, lambda source: [joke_about(source)]),
    (20, lambda source: series(source, source.choice([0, 0, 0, 0, 1, 1, 2]))),
    (8, riddle),
    (8, counting),
    (8, plain),
    (5, opposite),
    (5, neighbours),
)


def skill(source: random.Random) -> list[Turn]:
    """Give the turns of any one skill."""
    return source.choices(_SKILLS, [share for share, _ in _SKILLS])[0][1](source)
