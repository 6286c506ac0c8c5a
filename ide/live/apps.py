from django.apps import AppConfig


class LiveConfig(AppConfig):
    name = "ide.live"
    label = "live"

    def ready(self) -> None:
        from ide.accounts.members import on_membership_change
        from ide.accounts.tokens import on_revoked
        from ide.documents.comments import on_thread
        from ide.live import disk_ops, restore
        from ide.live.announce import on_hint
        from ide.live.seams import (
            file_changed,
            membership_changed,
            people_changed,
            people_now,
            show_thread,
            thread_changed,
            token_revoked,
        )
        from ide.workspaces.figures import on_file_change, register_figures

        disk_ops.register()
        restore.register_ops()
        on_file_change(file_changed)
        register_figures(people_now)
        on_membership_change(membership_changed)
        on_revoked(token_revoked)
        on_hint("people", people_changed)
        on_thread(thread_changed)
        on_hint("thread", show_thread)
