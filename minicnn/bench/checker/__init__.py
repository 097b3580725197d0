"""The kernel checker: is somebody's own kernel right, and if not, what is its bug called?

`cases.py` are the shapes and ways it is tried in, `loops.py` what must come out, `trial.py` one call and its
verdict. `bending.py` lays the operations open, `bent_*.py` bend them as the known bugs do, `mistakes.py`
names the bugs, `diagnosis.py` finds the one whose results came back. `check.py` puts it together, `show.py`
says it in a terminal. `files.py` and `remote.py` run a user's file in a process of its own. The commands are
``minicnn kernel check`` and ``minicnn kernel bench``.
"""
