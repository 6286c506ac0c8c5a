"""What becomes of a job's work: its one merge, and a person who has taken it over."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from agents.models.jobs import Job
from ide.accounts.models import User


class Merge(models.Model):
    """The merge of a job's result, written before anything moves: a host that dies in it goes on from here, once.

    `wish` is what the person decided; `places` where each open document's log stood (document id, epoch, seq): what
    the job has written behind that place is this merge's.
    """

    class State(models.TextChoices):
        STARTED = "started"
        DONE = "done"

    job = models.OneToOneField(Job, primary_key=True, on_delete=models.CASCADE, related_name="merge")
    by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    head = models.CharField(max_length=64, help_text="The result that was approved.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.STARTED)
    wish = models.JSONField(default=dict)
    places = models.JSONField(default=dict)
    branch = models.CharField(max_length=200, blank=True, help_text="Branch that gets a commit; '' for none.")
    old = models.CharField(max_length=64, blank=True, help_text="Where that branch was; '' if it was not there.")
    new = models.CharField(max_length=64, blank=True, help_text="The commit.")
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["created_at"]

    def __str__(self) -> str:
        return f"merge of {self.job_id}: {self.state}"

    @property
    def team_id(self) -> str:
        return self.job.team_id


class Takeover(models.Model):
    """A person has a job's work in their editor; the job waits until they give it back.

    `head` is the commit that was laid out, '' until the job has stopped at a step.
    """

    job = models.OneToOneField(Job, primary_key=True, on_delete=models.CASCADE, related_name="takeover")
    by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    head = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.job_id} is with {self.by_id}"

    @property
    def team_id(self) -> str:
        return self.job.team_id
