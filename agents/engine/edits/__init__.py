"""Streaming edits: parsers turn a model's text into one op stream, the appliers put it live into a text.

ops.py      the ops all parsers speak
v4a.py      the patch format; jsonstring.py takes it out of streamed JSON arguments
blocks.py   SEARCH/REPLACE blocks in the text of models that cannot drive tools but are able to write them
fenced.py   prose and code blocks of small models
rewrite.py  a whole selection or file written anew, as keep, delete and insert of lines
locate.py   where the lines of a chunk are in a text; shown.py numbers the lines a model is shown
apply.py    LiveApplier and LiveRewrite: ops into a Target while others edit it too
target.py   what an edited text must offer, and a plain one in memory
"""
