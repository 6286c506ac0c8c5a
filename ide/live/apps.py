from django.apps import AppConfig


class LiveConfig(AppConfig):
    name = "ide.live"
    label = "live"

    def ready(self) -> None:
        from ide.live.seams import file_changed, people_now
        from ide.workspaces.figures import on_file_change, register_figures

        on_file_change(file_changed)
        register_figures(people_now)
