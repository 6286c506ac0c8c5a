"""Delegated work: jobs, their steps and what they tell; and proposals, which turns leave as well."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from agents.models.endpoints import Endpoint
from agents.models.sessions import Session, Turn
from ide.accounts.models import User
from ide.db import new_id
from ide.documents.models import Document
from ide.errors import Conflict
from ide.workspaces.models import Workspace


class Job(models.Model):
    """Delegated work in a worktree."""

    class Kind(models.TextChoices):
        MAP = "map", "one instruction over many files or functions"
        AGENT = "agent", "free text for a model that drives tools"

    class State(models.TextChoices):
        QUEUED = "queued"
        PLANNING = "planning"
        RUNNING = "running"
        WAITING = "waiting"
        REVIEW = "review"
        MERGED = "merged"
        DISCARDED = "discarded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    NEXT: ClassVar[dict[str, set[str]]] = {
        State.QUEUED: {State.PLANNING, State.RUNNING, State.WAITING, State.CANCELLED, State.FAILED},
        State.PLANNING: {State.RUNNING, State.REVIEW, State.WAITING, State.FAILED, State.CANCELLED, State.QUEUED},
        State.RUNNING: {State.REVIEW, State.WAITING, State.FAILED, State.CANCELLED, State.QUEUED},
        State.WAITING: {State.QUEUED, State.CANCELLED, State.DISCARDED},
        State.REVIEW: {State.MERGED, State.DISCARDED, State.QUEUED},
        State.FAILED: {State.QUEUED, State.DISCARDED},
        State.CANCELLED: {State.QUEUED, State.DISCARDED},
        State.MERGED: set(),
        State.DISCARDED: set(),
    }

    HELD: ClassVar[tuple[str, ...]] = (State.PLANNING, State.RUNNING)  # a worker has it, by its lease
    ACTIVE: ClassVar[tuple[str, ...]] = (State.QUEUED, *HELD)
    ENDED: ClassVar[tuple[str, ...]] = (
        *(State.REVIEW, State.MERGED, State.DISCARDED),
        *(State.FAILED, State.CANCELLED),
    )

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="jobs")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="children")
    depth = models.PositiveSmallIntegerField(
        default=0, help_text="How many jobs it was delegated by, one above the other."
    )
    key = models.CharField(
        max_length=80, blank=True, help_text="Of a sub-agent: the call that made it, so that it is made once."
    )
    session = models.ForeignKey(Session, null=True, blank=True, on_delete=models.SET_NULL, related_name="jobs")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    instruction = models.TextField()
    paths = models.JSONField(default=list, help_text="Files it was given; empty means its own choice.")
    owner = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="jobs")
    endpoint = models.ForeignKey(Endpoint, null=True, on_delete=models.SET_NULL, related_name="jobs")
    base = models.CharField(
        max_length=64, blank=True, help_text="Commit that holds disk and typed text at the request."
    )
    head = models.CharField(max_length=64, blank=True, help_text="Commit with the job's result.")
    merged_as = models.CharField(max_length=64, blank=True)
    plan = models.JSONField(
        default=dict, blank=True, help_text="steps: [{text, done}]; state: proposed, approved or ''; by; ask: it waits."
    )
    setup = models.JSONField(
        default=dict, blank=True, help_text="What its worktree's set-up did: command, code, seconds, port."
    )
    phase = models.CharField(max_length=200, blank=True, help_text="What it is doing now, in words.")
    done = models.PositiveIntegerField(default=0, help_text="Items or steps finished.")
    total = models.PositiveIntegerField(default=0, help_text="Items in all; 0 if not known.")
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    result = models.JSONField(default=dict, help_text="Size of the difference: files, and lines added and removed.")
    cancel_asked = models.BooleanField(default=False)
    pause_asked = models.BooleanField(default=False)
    question = models.TextField(blank=True, help_text="What it asks people; it waits for a word of theirs.")
    budget = models.JSONField(default=dict, help_text="The most it may use: a Budget.")
    worked_seconds = models.FloatField(default=0, help_text="By earlier attempts.")
    cost = models.DecimalField(max_digits=14, decimal_places=8, default=0, help_text="US dollars, if prices are known.")
    attempt = models.PositiveIntegerField(default=0, help_text="Claims since a step was last done.")
    claimed_at = models.DateTimeField(
        null=True, blank=True, help_text="Last taken by a worker; people take turns by it."
    )
    lease_owner = models.CharField(max_length=120, blank=True)
    lease_fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]
        indexes: ClassVar = [models.Index(fields=["state", "owner"]), models.Index(fields=["owner", "claimed_at"])]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["parent", "key"], condition=~models.Q(key=""), name="one_job_per_key")
        ]

    def __str__(self) -> str:
        return f"{self.kind} job {self.id}: {self.state}"

    @property
    def team_id(self) -> str:
        return self.workspace.team_id

    def move(self, state: str) -> None:
        """Set the state; raises Conflict where that transition does not exist. The caller saves."""
        if state not in self.NEXT[self.state]:
            raise Conflict(f"A job that is {self.state} cannot become {state}.", "Reload to see where it stands.")
        self.state = state


class Step(models.Model):
    """One durable step of a job: a provider call with its tool calls, or one item of a map job."""

    class State(models.TextChoices):
        PLANNED = "planned"
        STARTED = "started"
        DONE = "done"
        FAILED = "failed"
        UNKNOWN = "unknown"  # begun by a worker that is gone

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveIntegerField()
    key = models.CharField(max_length=64, blank=True, help_text="Of its input: the same step is done once.")
    safe = models.BooleanField(default=True, help_text="Doing it twice has no other effects than doing it once.")
    attempt = models.PositiveSmallIntegerField(default=0, help_text="Times it was begun.")
    lease_owner = models.CharField(max_length=120, blank=True, help_text="Of an item of a map job: who does it now.")
    lease_until = models.DateTimeField(null=True, blank=True)
    name = models.CharField(max_length=300, help_text="What a person reads: a file and function, or a tool.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.PLANNED)
    data = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["job", "position"], name="one_step_per_position")]

    def __str__(self) -> str:
        return f"{self.position} {self.name}: {self.state}"


class JobEvent(models.Model):
    """Append-only feed of a job that the host tails. `id` is the order."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20, help_text="phase, log, tool, step, text, state")
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.kind} of {self.job_id}"


class Wake(models.Model):
    """Outbox: a job for which a worker has to be woken. Written with the change that queues it, sent after the commit,
    sent again ever more rarely, and gone once the job is claimed."""

    job = models.OneToOneField(Job, primary_key=True, on_delete=models.CASCADE, related_name="wake")
    due_at = models.DateTimeField(db_index=True)
    sent = models.PositiveIntegerField(default=0, help_text="Messages so far.")

    def __str__(self) -> str:
        return f"wake-up for {self.job_id}, sent {self.sent} times"


class Proposal(models.Model):
    """Reviewable difference a turn or a job left in one file.

    `base` is the text without the undecided hunks (people's later edits are folded into it); the hunks are always
    the difference between `base` and the document as it is now. Closed when the two are equal or all is decided.
    """

    class State(models.TextChoices):
        OPEN = "open"
        CLOSED = "closed"

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="proposals")
    turn = models.ForeignKey(Turn, null=True, blank=True, on_delete=models.CASCADE, related_name="proposals")
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.CASCADE, related_name="proposals")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="proposals")
    base = models.TextField()
    waiting = models.BooleanField(
        default=False, help_text="Its hunks are not in the document before they are accepted."
    )
    proposed = models.TextField(blank=True, help_text="The text with its hunks, where they wait.")
    epoch = models.PositiveIntegerField(default=0)
    seq = models.PositiveBigIntegerField(default=0, help_text="Newest row of the document's log that they speak of.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    accepted = models.PositiveIntegerField(default=0, help_text="Hunks accepted.")
    rejected = models.PositiveIntegerField(default=0, help_text="Hunks rejected.")
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.document}: {self.state}"

    @property
    def team_id(self) -> str:
        return self.workspace.team_id


class FileAct(models.Model):
    """A file that a turn made, deleted or moved; or would, where its edits wait for acceptance."""

    class Kind(models.TextChoices):
        CREATE = "create"
        DELETE = "delete"
        MOVE = "move"

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        UNDONE = "undone"
        REJECTED = "rejected"

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="file_acts")
    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="file_acts")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    state = models.CharField(max_length=8, choices=State.choices, default=State.DONE)
    path = models.CharField(max_length=4096)
    to = models.CharField(max_length=4096, blank=True, help_text="Where it was moved.")
    document = models.ForeignKey(Document, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    data = models.BinaryField(default=bytes, help_text="A deleted file that is no text; the text of one not made yet.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["created_at"]

    def __str__(self) -> str:
        return f"{self.kind} {self.path}: {self.state}"

    @property
    def team_id(self) -> str:
        return self.workspace.team_id
