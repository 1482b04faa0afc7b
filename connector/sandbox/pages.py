"""The pages a browser would get: the home page, the page nobody found, the maintenance page, the web server's 404.

Only what a client can tell apart is kept: status, content type, and that it is HTML with a title and not JSON.
"""

from html import escape


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


WEB_SERVER_404 = (
    b"<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not Found</h1></center>\r\n"
    b"<hr><center>practice shop</center>\r\n</body>\r\n</html>\r\n"
)
"""What a web server says of a path without a file; the shop is not asked."""
