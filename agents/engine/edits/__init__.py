"""Streaming edits: parsers turn a model's text into one op stream, the appliers put it live into a text.

ops.py      the ops all parsers speak
v4a.py      the patch format; jsonstring.py takes it out of streamed JSON arguments
fenced.py   prose and code blocks of models that cannot drive tools
rewrite.py  a whole selection or file written anew, as keep, delete and insert of lines
locate.py   where the lines of a chunk are in a text
apply.py    LiveApplier and LiveRewrite: ops into a Target while others edit it too
target.py   what an edited text must offer, and a plain one in memory
"""
