"""The pages a browser would get: the home page, the page nobody found, the maintenance page, the web server's 404.

Only what a client can tell apart is kept: status, content type, and that it is HTML with a title and not JSON.
"""

from html import escape
from http import HTTPStatus


def render_page(title: str, text: str, base_url: str) -> bytes:
    """Return a page of the shop.

    Args:
        title: The page's title, unescaped.
        text: What it says.
        base_url: The shop's address, without a slash at the end.
    """
    return (
        f'<!DOCTYPE html>\n<html dir="ltr" lang="en">\n<head>\n<meta charset="UTF-8" />\n'
        f'<title>{escape(title)}</title>\n<base href="{escape(base_url)}/" />\n</head>\n'
        f"<body><h1>{escape(title)}</h1><p>{escape(text)}</p></body>\n</html>\n"
    ).encode()


def render_server_page(status: HTTPStatus) -> bytes:
    """Return what a web server says without asking the shop."""
    title = f"{status.value} {status.phrase}"
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        f"<hr><center>practice shop</center>\r\n</body>\r\n</html>\r\n"
    ).encode()
