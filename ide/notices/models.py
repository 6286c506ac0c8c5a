"""What people are told, what they want to be told, and the browsers that may be told when no page is open."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from ide.accounts.models import User
from ide.db import new_id


class Kind(models.TextChoices):
    QUESTION = "question", "a job asks, or waits for somebody"
    REVIEW = "review", "a job is ready for review"
    FAILED = "failed", "a job failed"
    ENDED = "ended", "somebody else ended or merged a job"


class Notice(models.Model):
    """One line for one person. `key` says what it is about: the same is told once."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notices")
    workspace = models.CharField(max_length=16, blank=True, help_text="Where it happened; '' for none.")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    key = models.CharField(max_length=120)
    title = models.CharField(max_length=120)
    body = models.CharField(max_length=240, blank=True)
    url = models.CharField(max_length=300, help_text="A path of this site.")
    push = models.BooleanField(default=False, help_text="To be sent to the person's browsers.")
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)
    pushed_at = models.DateTimeField(null=True, blank=True, help_text="Taken up by who sends it; it is sent once.")

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        indexes: ClassVar = [models.Index(fields=["person", "-created_at"])]
        constraints: ClassVar = [models.UniqueConstraint(fields=["person", "key"], name="told_once")]

    def __str__(self) -> str:
        return f"{self.kind} for {self.person}"


class Wishes(models.Model):
    """What a person does not want to be told, by kind; all is told where there is no row."""

    person = models.OneToOneField(User, primary_key=True, on_delete=models.CASCADE, related_name="+")
    not_shown = models.JSONField(default=list, help_text="Kinds that are not shown in the app.")
    not_pushed = models.JSONField(default=list, help_text="Kinds that are not sent to browsers.")

    class Meta:
        verbose_name_plural = "wishes"

    def __str__(self) -> str:
        return f"wishes of {self.person}"


class Browser(models.Model):
    """A Web Push subscription. It lives as long as the sign-in it was made in."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="browsers")
    session = models.CharField(max_length=40, help_text="Key of the sign-in.")
    endpoint = models.CharField(max_length=1000, unique=True)
    p256dh = models.CharField(max_length=120)
    auth = models.CharField(max_length=40)
    name = models.CharField(max_length=80, blank=True, help_text="As the browser calls itself.")
    failures = models.PositiveSmallIntegerField(default=0, help_text="In a row.")
    created_at = models.DateTimeField(auto_now_add=True)
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["created_at"]

    def __str__(self) -> str:
        return f"{self.name or 'browser'} of {self.person}"


class PushKey(models.Model):
    """The installation's own pair of keys (VAPID); one row, so that hosts and workers share it."""

    private = models.TextField(help_text="PEM, encrypted.")
    public = models.CharField(max_length=120, help_text="As browsers take it.")
    pem = models.TextField(help_text="The public one, PEM.")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.public
