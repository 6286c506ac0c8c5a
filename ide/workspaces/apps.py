from django.apps import AppConfig


class WorkspacesConfig(AppConfig):
    name = "ide.workspaces"
    label = "workspaces"
