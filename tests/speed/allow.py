"""allow-us: CPU of a decision about access with the roles in memory, as live sockets have them (aim 5 µs).

python -m tests.speed.allow
"""

from __future__ import annotations

import json
import os
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ide.settings")
django.setup()

from ide.accounts.models import Role  # noqa: E402 (Django first)
from ide.accounts.permissions import Action, role_may  # noqa: E402

FIGURES = ("allow-us",)
ROUNDS = 200_000


def main() -> None:
    asked = [(str(role), action) for role in Role.values for action in (Action.SEE, Action.EDIT, Action.DELETE)]
    began = time.process_time()
    for at in range(ROUNDS):
        role, action = asked[at % len(asked)]
        role_may(role, action)
    spent = (time.process_time() - began) / ROUNDS * 1e6
    print(
        json.dumps(
            {"name": FIGURES[0], "value": spent, "unit": "µs", "conditions": "CPU, roles in memory", "runs": ROUNDS}
        )
    )


if __name__ == "__main__":
    main()
