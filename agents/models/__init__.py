"""The rows of models at work: endpoints, sessions, turns, items, jobs, proposals; their states and transitions."""

from agents.models.endpoints import Endpoint, RoleEndpoint
from agents.models.jobs import FileAct, Job, JobEvent, Proposal, Step, Wake
from agents.models.outcomes import Merge, Takeover
from agents.models.sessions import Compaction, Item, Picture, QueueEntry, Session, SessionRules, Turn
from agents.models.worktrees import WorktreeRules

__all__ = [
    "Compaction",
    "Endpoint",
    "FileAct",
    "Item",
    "Job",
    "JobEvent",
    "Merge",
    "Picture",
    "Proposal",
    "QueueEntry",
    "RoleEndpoint",
    "Session",
    "SessionRules",
    "Step",
    "Takeover",
    "Turn",
    "Wake",
    "WorktreeRules",
]
