from django.apps import AppConfig


class AgentsConfig(AppConfig):
    """Gives the live host, the op table, `up`, `doctor` and the dashboard what agents have for them."""

    name = "agents"
    label = "agents"

    def ready(self) -> None:
        from agents import live, ops, parts
        from agents.assist import commit_message, ghost_ops, quick
        from agents.context import mention_ops
        from agents.context import ops as context_ops
        from agents.endpoints.choice import named
        from agents.jobs import ops as job_ops
        from agents.jobs import plan_ops
        from agents.proposals import checkpoint_ops, undo_ops
        from agents.sessions import credits, library_ops, pause_ops, queue_ops
        from ide.live.announce import on_hint
        from ide.live.host import on_close, on_open
        from ide.usage.subjects import name_models

        credits.register_all()
        ops.register()
        undo_ops.register()
        checkpoint_ops.register()
        context_ops.register()
        library_ops.register()
        queue_ops.register()
        pause_ops.register()
        plan_ops.register()
        ghost_ops.register()
        quick.register()
        commit_message.register()
        job_ops.register()
        mention_ops.register()
        parts.register()
        name_models(named)
        on_open(live.opened)
        on_open(queue_ops.follow)
        on_open(pause_ops.follow)
        on_close(live.closing)
        on_hint("job", live.job_changed)
        on_hint("people", live.people_changed)
        on_hint("models", live.models_changed)
