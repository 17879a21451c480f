"""The text that the demo model learns from: patterns in text files, and the code that uses them.

Every sentence was written for this project.  The ``.txt`` files hold topics (``? ways to ask``,
``= answers``); `patterns` expands them, `skills`, `long_texts` and `out_of_domain` make what needs
code, `after_skills` goes on from a joke, riddle or sum, `noise` dirties questions the way people
type, and `conversations` puts dialogues together.
"""

from scripts.train_demo_model.corpus.conversations import sample_dialogue

__all__ = ["sample_dialogue"]
