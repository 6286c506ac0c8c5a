from django.apps import AppConfig


class WorkspacesConfig(AppConfig):
    name = "ide.workspaces"
    label = "workspaces"

    def ready(self) -> None:
        from ide.accounts.api import register_team_resolver
        from ide.parts import register_check, register_part
        from ide.workspaces import doctor
        from ide.workspaces.api import team_of

        register_part(doctor.RUNNER)
        register_check(doctor.GIT)
        register_check(doctor.SANDBOX)
        register_team_resolver(team_of)
