from django.apps import AppConfig


class WorkspacesConfig(AppConfig):
    name = "ide.workspaces"
    label = "workspaces"

    def ready(self) -> None:
        from ide.parts import register_check, register_part
        from ide.workspaces import doctor

        register_part(doctor.RUNNER)
        register_check(doctor.GIT)
        register_check(doctor.SANDBOX)
