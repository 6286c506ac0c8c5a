"""`{% bundle 'src/main.tsx' %}`: the script and style tags of a built front-end entry."""

from __future__ import annotations

from django import template
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from ide.pages import bundle_files

register = template.Library()


@register.simple_tag
def bundle(entry: str) -> SafeString:
    scripts, styles = bundle_files(entry)
    tags = format_html_join("\n", '<link rel="stylesheet" href="{}">', ((s,) for s in styles))
    tags += format_html_join("\n", '<script type="module" src="{}"></script>', ((s,) for s in scripts))
    return mark_safe(tags)  # noqa: S308 (both parts are escaped above)
