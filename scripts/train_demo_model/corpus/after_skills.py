"""Conversations that go on after a skill: thanks, laughter, a farewell, one more, something else.

Every turn is drawn anew, so that what is said next decides the answer, and not what came before;
only "another one", a riddle's answer and a sum that goes on look back.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from scripts.train_demo_model.corpus.arithmetic import Turn, calculation, going_on, result_of
from scripts.train_demo_model.corpus.skills import (
    another,
    guess_at,
    joke_about,
    posed,
    series_item,
    solved,
    story,
    story_turn,
)
from scripts.train_demo_model.corpus.topics import topics

Reaction = Callable[[random.Random], Turn]
Typing = Callable[[str, random.Random], str]

_COMMON_SHARE = 0.45
_SMALL_TALK = (
    (22, "thanks"),
    (18, "praise"),
    (16, "bye"),
    (8, "ack"),
    (3, "greet"),
    (3, "how"),
    (4, "insult"),
    (1.5, "mark"),
    (1.5, "question"),
    (1, "love"),
    (1, "hostile"),
    (1, "test"),
)
_OPENINGS = ((40, "joke"), (8, "fact"), (9, "poem"), (13, "haiku"), (9, "story"))
_RIDDLE_SHARE, _SUM_SHARE = 0.24, 0.17
_CHANGE_SHARE = 0.45
_LEADS = (
    *("ok,", "great.", "nice,", "no,", "now", "and now", "forget that,", "and", "thanks,", "but"),
    *("cool,", "ha,", "better:", "next:", "good.", "Okay, now", "Thank you! Now", "no thanks,"),
)
_ENDS = ("", "", "", " instead", " then", " now", " please")


class _Talk:
    """A conversation so far, and what of it the next turn may look back at."""

    def __init__(self, source: random.Random, typed: Typing) -> None:
        self.source = source
        self.typed = typed
        self.turns: list[Turn] = []
        self.kind = ""
        self.place = 0
        self.posed = False

    def say(self, ask: str, answer: str) -> None:
        self.turns.append((self.typed(ask, self.source), answer))

    def ask_skill(self) -> None:
        """Ask for a riddle, a sum or one of a series."""
        choice = self.source.random()
        lead_in = bool(self.turns) and self.source.random() < _CHANGE_SHARE
        self.place = self.source.randrange(60)
        self.posed = False
        if choice < _RIDDLE_SHARE:
            self.kind, self.posed = "riddle", True
            self.say(topics("games")["riddle"].question(self.source), posed(self.place))
        elif choice < _RIDDLE_SHARE + _SUM_SHARE:
            self.kind = "sum"
            self.say(*calculation(self.source)[0])
        else:
            self.ask_series()
        if lead_in:
            ask, answer = self.turns[-1]
            lead, end = self.source.choice(_LEADS), self.source.choice(_ENDS)
            self.turns[-1] = (f"{lead} {ask[:1].lower()}{ask[1:]}".rstrip(" .") + end, answer)

    def ask_series(self) -> None:
        weights = [weight for weight, _ in _OPENINGS]
        self.kind = self.source.choices(_OPENINGS, weights)[0][1]
        if self.kind == "story":
            self.say(*story_turn(self.source))
        elif self.kind == "joke" and self.source.random() < 0.1:
            ask, answer = joke_about(self.source)
            jokes = topics("series")["joke"].answers
            self.place = next(place for place, joke in enumerate(jokes) if answer.endswith(joke))
            self.say(ask, answer)
        else:
            topic = topics("series")[self.kind]
            self.say(topic.question(self.source), series_item(topic, self.place))

    def ask_another(self) -> None:
        self.place += 1
        if self.kind == "riddle":
            self.posed = True
            self.say(another(self.source, "riddle"), posed(self.place))
        elif self.kind == "story":
            self.say(another(self.source), story(self.source))
        elif self.kind in topics("series"):
            item = series_item(topics("series")[self.kind], self.place)
            self.say(another(self.source, self.kind), item)
        else:
            ask = topics("followups")["another"].question(self.source)
            self.say(ask, topics("smalltalk")["yes"].answer(self.source))

    def look_back(self) -> bool:
        """Go on with what was just said, where that is possible."""
        choice = self.source.random()
        if self.kind == "riddle":
            self.ask_answer(choice)
        elif self.kind == "sum":
            total = result_of(self.turns[-1][1])
            if total is None:
                return False
            self.say(*going_on(self.source, total))
        elif choice < 0.07 and self.kind in topics("series"):
            self.from_topic("games", "known_one")
        elif choice < 0.2 and self.kind == "joke":
            self.from_topic("followups", "joke_why")
        else:
            self.ask_another()
        return True

    def ask_answer(self, choice: float) -> None:
        if self.posed and choice < 0.85:
            self.posed = False
            self.say(guess_at(self.place, self.source), solved(self.place))
        elif not self.posed and choice < 0.35:
            ask = topics("games")["solution"].question(self.source)
            self.say(ask, solved(self.place))
        elif not self.posed and choice < 0.42:
            self.from_topic("followups", "joke_why")
        else:
            self.ask_another()

    def from_topic(self, file: str, name: str) -> None:
        topic = topics(file)[name]
        self.say(topic.question(self.source, _COMMON_SHARE), topic.answer(self.source))

    def small_talk(self) -> None:
        weights = [weight for weight, _ in _SMALL_TALK]
        name = self.source.choices(_SMALL_TALK, weights)[0][1]
        if name == "ack" and self.posed:  # "no" or "hm" would be an answer to the riddle
            name = "thanks"
        self.from_topic("smalltalk", name)


def after_skills(
    source: random.Random, count: int, others: Sequence[tuple[float, Reaction]], typed: Typing
) -> list[Turn]:
    """Begin with a skill and go on for `count` turns in all; `others` are other things to ask.

    The questions of `others` stay as they are, all else goes through `typed`.
    """
    talk = _Talk(source, typed)
    talk.ask_skill()
    while len(talk.turns) < count:
        choice = source.random()
        if choice < 0.38 and talk.look_back():
            continue
        if choice < 0.7:
            talk.small_talk()
            if talk.kind == "sum":
                talk.kind = "talk"
        elif choice < 0.84:
            talk.ask_skill()
        else:
            talk.kind, talk.posed = "other", False
            reaction = source.choices(others, [weight for weight, _ in others])[0][1]
            talk.turns.append(reaction(source))
    return talk.turns
