"""Skills with several steps or parts: series of jokes and the like, riddles, stories, opposites."""

from __future__ import annotations

import random

from scripts.train_demo_model.corpus.arithmetic import Turn, calculation, counting, neighbours
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
        turns += [(_another(source), story(source)) for _ in range(repeats)]
        return turns
    topic = topics("series")[name]
    start = source.randrange(len(topic.answers))
    asks = [topic.question(source), *(_another(source, name) for _ in range(repeats))]
    return [(ask, series_item(topic, start + step)) for step, ask in enumerate(asks)]


def series_item(topic: Topic, place: int) -> str:
    """Give the item at a place of a series, which goes round."""
    return topic.answers[place % len(topic.answers)].replace(" / ", "\n")


def _another(source: random.Random, name: str = "story") -> str:
    if source.random() < 0.25:
        lead = "(another|one more|tell me another|give me another|a different|a new|next)"
        return expand(f"{lead} {name}", source)
    return topics("followups")["another"].question(source)


def riddle(source: random.Random) -> list[Turn]:
    """Pose a riddle; often the person then guesses or gives up, and is told the answer."""
    question, answer = source.choice(RIDDLES)
    games = topics("games")
    turns = [(games["riddle"].question(source), f"Here is a riddle: {question}")]
    reaction = source.random()
    if reaction < 0.4:
        turns.append((games["give_up"].question(source), f"The answer is: a {answer}!"))
    elif reaction < 0.85:
        guessed = source.choice([answer, answer, source.choice(RIDDLES)[1], "{noun}"])
        guess = expand(games["guess"].asks[0].replace("{answer}", guessed), source)
        turns.append((guess, f"The answer is: a {answer}!"))
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


def skill(source: random.Random) -> list[Turn]:
    """Give the turns of any one skill."""
    kind = source.random()
    if kind < 0.42:
        turns = calculation(source)
        return turns + calculation(source, "and") if source.random() < 0.12 else turns
    if kind < 0.66:
        return series(source, source.choice([0, 0, 0, 0, 1, 1, 2]))
    if kind < 0.74:
        return riddle(source)
    if kind < 0.82:
        return counting(source)
    if kind < 0.9:
        return plain(source)
    return opposite(source) if kind < 0.95 else neighbours(source)
