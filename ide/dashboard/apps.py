from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "ide.dashboard"
    label = "dashboard"

    def ready(self) -> None:
        from ide.dashboard import deeds, pulse
        from ide.dashboard.figures import register_own
        from ide.live import ops
        from ide.live.announce import on_hint
        from ide.live.host import on_open

        register_own()
        deeds.register_own()
        on_open(deeds.refuse_drained)
        on_open(pulse.begin)
        on_hint("close", deeds.close_here)
        on_hint("announcement", deeds.announce_here)
        ops.contribute(deeds.announced)
