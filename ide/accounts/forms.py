"""The form with which a person makes an account: at the first start, or at an invite."""

from __future__ import annotations

import unicodedata

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError

from ide.accounts.models import User


class NewAccount(forms.Form):
    """Name, username and password; `person()` gives the unsaved user."""

    name = forms.CharField(
        max_length=80,
        label="Your name",
        help_text="What others see beside your cursor.",
        widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True}),
    )
    username = forms.CharField(
        max_length=150,
        label="Username",
        help_text="For signing in: your e-mail address or a short name.",
        validators=[UnicodeUsernameValidator()],
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        max_length=1024,  # hashing is slow on purpose; a megabyte of password would be an attack
        help_text="At least 8 characters, not only digits and not a well-known one.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_name(self) -> str:
        """Names stand in everyone's editor: no controls, no bidirectional marks, something visible."""
        name = unicodedata.normalize("NFC", self.cleaned_data["name"]).strip()
        if any(_is_control(c) for c in name):
            raise ValidationError("Use letters, digits and signs only: the name has invisible characters.")
        return name

    def clean_username(self) -> str:
        username: str = User.normalize_username(self.cleaned_data["username"])
        if User.objects.filter(username__iexact=username).exists():
            raise ValidationError("This username is taken. Choose another, or sign in if it is yours.")
        return username

    def clean(self) -> dict[str, object]:
        data = super().clean() or {}
        if "password" in data:
            try:
                validate_password(data["password"], self._sketch())
            except ValidationError as error:
                self.add_error("password", error)
        self._begin_at_the_first_fault()
        return data

    def _begin_at_the_first_fault(self) -> None:
        faulty = next((name for name in self.fields if name in self.errors), "name")
        for name, field in self.fields.items():
            field.widget.attrs["autofocus"] = name == faulty

    def person(self) -> User:
        """The user a valid form describes, password hashed, not saved."""
        user = self._sketch()
        user.set_password(self.cleaned_data["password"])
        return user

    def _sketch(self) -> User:
        data = self.cleaned_data
        return User(username=data.get("username", ""), display_name=data.get("name", ""))


def _is_control(character: str) -> bool:
    # ZWJ and variation selectors build emoji and some scripts' letters; U+200D is Cf but harmless between letters.
    return unicodedata.category(character) in {"Cc", "Cf", "Co", "Zl", "Zp"} and character != "\u200d"
