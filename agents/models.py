"""Session, Turn, Item, Job, Step, JobEvent, Proposal, Endpoint: their states and the transitions allowed."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from ide.accounts.models import Team, User
from ide.db import new_id
from ide.documents.models import Document
from ide.errors import Conflict
from ide.workspaces.models import Workspace


class Endpoint(models.Model):
    """A configured provider, key and model: of the whole site, or of one team or person."""

    class Dialect(models.TextChoices):
        RESPONSES = "responses", "Responses (OpenAI, Open Responses)"
        CHAT = "chat", "chat completions"
        ANTHROPIC = "anthropic", "Anthropic messages"
        SCRIPTED = "scripted", "scripted (tests and demos)"

    name = models.CharField(max_length=80)
    dialect = models.CharField(max_length=12, choices=Dialect.choices, default=Dialect.CHAT)
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.CASCADE, related_name="endpoints", help_text="Only for this team."
    )
    person = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="endpoints",
        help_text="Only for this person.",
    )
    base_url = models.CharField(max_length=500, blank=True)
    model = models.CharField(max_length=200)
    key_encrypted = models.BinaryField(blank=True, default=b"", editable=False)
    drives_tools = models.BooleanField(default=True, help_text="Whether it can call tools reliably.")
    builtin = models.BooleanField(default=False, help_text="The small model that ships with Tandem.")
    own_network = models.BooleanField(
        default=False, help_text="May lie inside the server's own network: found or configured by its operator."
    )
    window = models.PositiveIntegerField(default=128_000, help_text="Tokens.")
    abilities = models.JSONField(default=dict, blank=True, help_text="As probed; see agents/abilities.py.")
    probed_at = models.DateTimeField(null=True, blank=True)
    extra = models.JSONField(default=dict, blank=True, help_text="Fields of every request, such as service_tier.")
    price_input = models.DecimalField(
        max_digits=10, decimal_places=4, default=0, help_text="US dollars for a million tokens."
    )
    price_cached = models.DecimalField(
        max_digits=10, decimal_places=4, default=0, help_text="The same, read from a cache."
    )
    price_output = models.DecimalField(max_digits=10, decimal_places=4, default=0)
    bytes_per_token = models.FloatField(default=4.0, help_text="Learned from what the provider counts.")
    failures = models.PositiveSmallIntegerField(default=0, help_text="In a row.")
    resting_until = models.DateTimeField(null=True, blank=True, help_text="Not asked before: it has failed too often.")
    problem = models.TextField(blank=True, help_text="What went wrong last.")
    enabled = models.BooleanField(default=True)
    rank = models.IntegerField(default=100, help_text="The enabled endpoint with the lowest rank is the default.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["rank", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                "name", Coalesce("team", Value("")), Coalesce("person", Value(0)), name="one_endpoint_per_name"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def resting(self) -> bool:
        return self.resting_until is not None and self.resting_until > timezone.now()


class RoleEndpoint(models.Model):
    """Which endpoint serves a role: of the site, or of one team. Several are tried in the order of their rank."""

    class Role(models.TextChoices):
        TURN = "turn", "turns in a session"
        INLINE = "inline", "inline edits"
        GHOST = "ghost", "suggestions at the cursor"
        JOB = "job", "delegated jobs"
        REVIEW = "review", "reviews"

    role = models.CharField(max_length=8, choices=Role.choices)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="model_roles")
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="roles")
    rank = models.PositiveSmallIntegerField(default=0)
    fall_over = models.BooleanField(default=False, help_text="Go on to the next endpoint when this one fails.")

    class Meta:
        ordering: ClassVar = ["role", "rank", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                "role", Coalesce("team", Value("")), "endpoint", name="one_rank_per_role_and_endpoint"
            )
        ]

    def __str__(self) -> str:
        return f"{self.role}: {self.endpoint}"


class Session(models.Model):
    """A conversation with a model, shared by everyone in the workspace."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="sessions")
    title = models.CharField(max_length=200, blank=True)
    seq = models.PositiveBigIntegerField(default=0, help_text="Sequence number of the newest event.")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    active_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.title or self.id

    @property
    def team_id(self) -> str:
        return self.workspace.team_id


class Turn(models.Model):
    """One input to its end."""

    class Kind(models.TextChoices):
        SESSION = "session"
        INLINE = "inline"
        APPLY = "apply"

    class State(models.TextChoices):
        RUNNING = "running"
        COMPLETED = "completed"
        INTERRUPTED = "interrupted"
        FAILED = "failed"

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="turns")
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.SESSION)
    state = models.CharField(max_length=12, choices=State.choices, default=State.RUNNING)
    owner = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="turns")
    endpoint = models.ForeignKey(Endpoint, null=True, on_delete=models.SET_NULL, related_name="turns")
    error = models.TextField(blank=True)
    ttft_ms = models.FloatField(null=True, blank=True)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(
        max_digits=14, decimal_places=8, null=True, blank=True, help_text="US dollars; none where prices are not known."
    )
    seconds = models.FloatField(null=True, blank=True, help_text="Time the provider streamed.")
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.kind} turn {self.id}: {self.state}"

    @property
    def team_id(self) -> str:
        return self.session.workspace.team_id


class Item(models.Model):
    """A saved piece of a turn, in order. `data` by kind:

    person   {text, mentions}          what someone said (first input or steer: `steer: true`)
    model    {text}                    prose of the model
    tool     {name, input, output, ok, seconds, path?}
    edit     {path, document, added, removed}   lines
    note     {text, tone}              what Tandem says: interrupted, failed
    """

    class Kind(models.TextChoices):
        PERSON = "person"
        MODEL = "model"
        TOOL = "tool"
        EDIT = "edit"
        NOTE = "note"

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=8, choices=Kind.choices)
    author = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["created_at", "position"]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Job(models.Model):
    """Delegated work in a worktree."""

    class Kind(models.TextChoices):
        MAP = "map", "one instruction over many files or functions"
        AGENT = "agent", "free text for a model that drives tools"

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        REVIEW = "review"
        MERGED = "merged"
        DISCARDED = "discarded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    NEXT: ClassVar[dict[str, set[str]]] = {
        State.QUEUED: {State.RUNNING, State.CANCELLED, State.FAILED},
        State.RUNNING: {State.REVIEW, State.FAILED, State.CANCELLED, State.QUEUED},
        State.REVIEW: {State.MERGED, State.DISCARDED, State.QUEUED},
        State.FAILED: {State.QUEUED, State.DISCARDED},
        State.CANCELLED: {State.QUEUED, State.DISCARDED},
        State.MERGED: set(),
        State.DISCARDED: set(),
    }

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="jobs")
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
    phase = models.CharField(max_length=200, blank=True, help_text="What it is doing now, in words.")
    done = models.PositiveIntegerField(default=0, help_text="Items or steps finished.")
    total = models.PositiveIntegerField(default=0, help_text="Items in all; 0 if not known.")
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    result = models.JSONField(default=dict, help_text="Size of the difference: files, and lines added and removed.")
    cancel_asked = models.BooleanField(default=False)
    attempt = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=120, blank=True)
    lease_fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at"]

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

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveIntegerField()
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
