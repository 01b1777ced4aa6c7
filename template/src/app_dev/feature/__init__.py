"""The command `just feature`, which writes a feature from a name and a list of fields.

`grammar.py` parses the command line, `values.py` makes example values for the fields, `project.py`
describes the project, `write.py` renders the templates in `.scaffold/feature` and puts the files in
place, `remove.py` removes a feature, and `questions.py` asks for a name and fields in a terminal.
"""
