from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "ide.notices"
    label = "notices"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_out

        from ide.live.announce import on_hint
        from ide.notices import browsers, live

        on_hint("notices", live.show)
        user_logged_out.connect(browsers.signed_out, dispatch_uid="notices")
