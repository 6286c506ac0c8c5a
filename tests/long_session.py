"""A workspace with a session of thousands of messages, and hundreds of others; written by `manage.py shell`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.site import ROOT

MESSAGES = 2000
TITLE = "The long one"

FILL = """
from datetime import timedelta
from django.utils import timezone
from agents.models import Item, Session, Turn
from ide.workspaces.models import Workspace
w = Workspace.objects.get()
ana = w.team.memberships.get().user
now = timezone.now() - timedelta(days=1)
rows = [Session(workspace=w, title=f"Small talk {{n}}", created_by=ana) for n in range({others})]
Session.objects.bulk_create(rows)
for n, row in enumerate(rows):
    row.active_at = now - timedelta(minutes=n)
Session.objects.bulk_update(rows, ["active_at"])
long = Session.objects.create(workspace=w, title="{title}", created_by=ana)
turns = [Turn(session=long, owner=ana, state="completed", output_tokens=90, seconds=0.2) for _ in range({turns})]
Turn.objects.bulk_create(turns)
prose = "It rests on **two** things: the `basket` and the till.\\n\\n- one\\n- two\\n\\n```python\\nx = 1\\n```\\n"
items = []
for n, turn in enumerate(turns):
    turn.started_at = now + timedelta(seconds=n)
    tool = dict(name="read_file", input="shop/till.py", path="shop/till.py", output="1\\tx", ok=True, seconds=0.1)
    for at, (kind, data) in enumerate([
        ("person", dict(text=f"Question {{n}}")), ("tool", tool),
        ("model", dict(text=prose)), ("model", dict(text=f"Answer {{n}}, and that is all.")),
    ]):
        author = ana if kind == "person" else None
        items.append(Item(turn=turn, position=at, kind=kind, data=data, author=author, created_at=turn.started_at))
Turn.objects.bulk_update(turns, ["started_at"])
Item.objects.bulk_create(items)
"""


def fill(data: Path, others: int = 0) -> None:
    """Into the only workspace of the site with this data folder: the long session, after so many small ones."""
    code = FILL.format(others=others, turns=MESSAGES // 4, title=TITLE)
    argv = [sys.executable, "manage.py", "shell", "-v", "0", "-c", code]
    subprocess.run(argv, cwd=ROOT, env={**os.environ, "TANDEM_DATA": str(data)}, check=True, timeout=120)
