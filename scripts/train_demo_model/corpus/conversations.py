"""Whole dialogues: what is asked, in what mix, over how many turns, with which system message.

`sample_dialogue` is the corpus: a seeded source of randomness in, one dialogue out.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from scripts.train_demo_model.chat_format import KEPT_MESSAGES, Dialogue
from scripts.train_demo_model.corpus.after_skills import Reaction, after_skills
from scripts.train_demo_model.corpus.arithmetic import Turn
from scripts.train_demo_model.corpus.long_texts import (
    body,
    lines_turn,
    long_turn,
    repeated_turn,
)
from scripts.train_demo_model.corpus.noise import named, noisy, tidy
from scripts.train_demo_model.corpus.patterns import expand
from scripts.train_demo_model.corpus.skills import series, series_item, skill, story
from scripts.train_demo_model.corpus.topics import Topic, pick, topics
from scripts.train_demo_model.corpus.unreadable import emoji, foreign, gibberish

_KEPT_TURNS = KEPT_MESSAGES // 2 + 1
_LONGEST_TEXT = 3_400
_SYSTEM_SHARE = 0.1
_EARLIER_SHARE = 0.15
_LATER_SHARE = 0.08
_NOTHING_YET_SHARE = 0.004

_ONLY_FIRST = ("yes",)
"""What is said in these topics would mean something else after another turn."""
_LEAD_INS = (("smalltalk", "greet"), ("smalltalk", "name_intro"), ("out_of_domain", "statements"))
_LEAD_IN_SHARE = 0.07
_GAPS = (" ", " ", " ", " ", "\n")
_PROVIDER_TOPICS = ("add_provider", "key_trouble", "use_other", "what_key", "cost")


def _known_topic(source: random.Random) -> Topic:
    file = source.choices(["smalltalk", "about_itself", "app_questions"], [0.26, 0.29, 0.45])[0]
    return pick(file, source)


def _known(source: random.Random, *, first: bool = False) -> Turn:
    topic = _known_topic(source)
    while topic.name in _ONLY_FIRST and not first:
        topic = _known_topic(source)
    question, answer = topic.turn(source)
    if topic.name not in topics("smalltalk") and source.random() < _LEAD_IN_SHARE:
        question = f"{_lead_in(source)}{source.choice(_GAPS)}{question}"
    return noisy(question, source), answer


def _lead_in(source: random.Random) -> str:
    """Give a sentence that comes before the question and changes nothing about it."""
    file, name = source.choice(_LEAD_INS)
    sentence = named(topics(file)[name].question(source), source)
    return sentence + source.choice([".", ".", "!", ",", ". So", ". And", ", but"])


def _generic_refusal(source: random.Random) -> str:
    return topics("out_of_domain")["statements"].answer(source)


def _unknown(source: random.Random) -> Turn:
    kind = source.random()
    if kind < 0.07:
        return foreign(source)
    if kind < 0.1:
        return emoji(source)
    if kind < 0.16:
        return gibberish(source)
    if kind < 0.2:
        count = source.randint(2, 4)
        asked = [pick("out_of_domain", source).question(source) for _ in range(count)]
        return noisy(named(". ".join(asked), source), source), _generic_refusal(source)
    topic = pick("out_of_domain", source)
    question = named(topic.question(source), source)
    answer = topic.answer(source) if topic.answers else _generic_refusal(source)
    keep = topic.name in ("code", "mathematics")
    return (tidy if keep else noisy)(question, source), answer


def _typed(ask: str, source: random.Random) -> str:
    clean = any(letter.isdigit() for letter in ask)
    return (tidy if clean else noisy)(ask, source)


def _skill(source: random.Random) -> list[Turn]:
    return [(_typed(ask, source), answer) for ask, answer in skill(source)]


def _any_single(source: random.Random) -> Turn:
    kind = source.random()
    if kind < 0.5:
        return _known(source)
    if kind < 0.68:
        return _skill(source)[0]
    return _unknown(source)


def _follow(name: str, source: random.Random, answer: str | None = None) -> Turn:
    topic = topics("followups")[name]
    return noisy(topic.question(source), source), answer or topic.answer(source)


def _after_refusal(source: random.Random) -> list[Turn]:
    first = _unknown(source)
    name = source.choices(["refusal_why", "refusal_how", "refusal_insist"], [1, 1.5, 1])[0]
    turns = [first, _follow(name, source)]
    if name != "refusal_how" and source.random() < 0.4:
        turns.append(_follow("refusal_how", source))
    return turns


def _after_offer(source: random.Random) -> list[Turn]:
    name, offered = source.choice([("fine", "joke"), ("sad", "joke"), ("birthday", "poem")])
    topic = topics("smalltalk")[name]
    offer = topic.answers[0]
    accepted = topics("series")[offered].answer(source).replace(" / ", "\n")
    return [(noisy(topic.question(source), source), offer), _follow("accept", source, accepted)]


def _after_app_answer(source: random.Random) -> list[Turn]:
    kind = source.random()
    app = topics("app_questions")
    if kind < 0.3:
        topic = app[source.choice(["add_key", "add_provider"])]
        name = source.choice(["key_more", "key_more", "key_variable"])
    elif kind < 0.5:
        topic, name = app[source.choice(_PROVIDER_TOPICS)], "providers_which"
    else:
        topic = pick(source.choice(["app_questions", "about_itself"]), source)
        name = source.choice(["app_more", "app_sure"])
    question, answer = topic.turn(source)
    return [(noisy(question, source), answer), _follow(name, source)]


def _after_joke(source: random.Random) -> list[Turn]:
    joke = topics("series")["joke"]
    place = source.randrange(len(joke.answers))
    first, second = (series_item(joke, place + step) for step in (0, 1))
    turns = [(noisy(joke.question(source), source), first), _follow("joke_why", source)]
    if source.random() < 0.5:
        turns.append(_follow("accept", source, second))
    return turns


def _asked_back(source: random.Random) -> list[Turn]:
    """Ask how the model is, and answer its question in return."""
    talk = topics("smalltalk")
    how, mood = talk["how"], talk[source.choice(["fine", "fine", "sad"])]
    turns = [(noisy(how.question(source), source), how.answers[0])]
    answer = mood.answers[0]
    turns.append((noisy(mood.question(source), source), answer))
    if source.random() < 0.3:
        joke = topics("series")["joke"].answer(source)
        turns.append(_follow("accept", source, joke))
    return turns


def _said_again(source: random.Random) -> list[Turn]:
    first = _any_single(source)
    return [first, _follow("again", source, first[1])]


def _more_of_a_series(source: random.Random) -> list[Turn]:
    turns = series(source, source.choice([1, 1, 2]))
    return [(noisy(ask, source), answer) for ask, answer in turns]


def _story_then_more(source: random.Random) -> list[Turn]:
    topic = topics("smalltalk")["bored"]
    ask = expand("(a |the |)(story|story please|short story|story then|tell me a story)", source)
    offer = "How about a riddle, a joke or a short story? Just ask for one."
    return [(noisy(topic.question(source), source), offer), (noisy(ask, source), story(source))]


_LINKED = (
    (3, _after_refusal),
    (1, _after_offer),
    (2, _after_app_answer),
    (0.8, _after_joke),
    (1.2, _said_again),
    (3.5, _more_of_a_series),
    (0.6, _story_then_more),
    (0.8, _asked_back),
)


def _after_skills(source: random.Random) -> list[Turn]:
    others: tuple[tuple[float, Reaction], ...] = ((2, _known), (1, _unknown))
    return after_skills(source, source.choice([2, 2, 3, 3, 3]), others, _typed)


def _linked(source: random.Random) -> list[Turn]:
    return source.choices(_LINKED, [weight for weight, _ in _LINKED])[0][1](source)


_KINDS: tuple[tuple[float, Callable[[random.Random], list[Turn]]], ...] = (
    (44, lambda source: [_known(source, first=True)]),
    (14, _skill),
    (22, lambda source: [_unknown(source)]),
    (1.2, lambda source: [long_turn(source, _LONGEST_TEXT)]),
    (0.6, lambda source: [repeated_turn(source)]),
    (0.9, lambda source: [lines_turn(source)]),
    (8, _linked),
    (18, _after_skills),
)
"""The kinds of dialogue, with their shares."""


def _turns(source: random.Random) -> list[Turn]:
    kind = source.choices(_KINDS, [share for share, _ in _KINDS])[0][1]
    if source.random() < _NOTHING_YET_SHARE:
        return [_follow("again_first", source)]
    turns = kind(source)
    if source.random() < _EARLIER_SHARE:
        earlier = min(source.choice([1, 1, 2]), max(0, _KEPT_TURNS - len(turns)))
        turns = [_any_single(source) for _ in range(earlier)] + turns
    if len(turns) < _KEPT_TURNS and source.random() < _LATER_SHARE:
        turns.append(_any_single(source))
    return turns


def _system_message(source: random.Random) -> str:
    if source.random() < 0.06:
        return body(source, source.randint(100, 900))
    return noisy(named(topics("system")["system"].question(source), source), source)


def sample_dialogue(source: random.Random) -> Dialogue:
    """Make one dialogue, of the turns that the chat template would keep."""
    turns = tuple(_turns(source)[-_KEPT_TURNS:])
    system = _system_message(source) if source.random() < _SYSTEM_SHARE else None
    return Dialogue(turns, system)
