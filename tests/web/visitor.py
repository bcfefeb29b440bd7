"""Somebody at a browser: logs in, asks, reads."""

from __future__ import annotations

import contextlib
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Request

LOCAL = ("127.0.0.1", "localhost", None)
"""Hosts of this machine; None: an address without one, such as data:."""
PATIENCE = 30_000.0
"""Milliseconds to wait for the page to show something."""
ANSWERS = ".chat-assistant"
QUESTION = "#chat-input"


class Visitor:
    """A browser's window with cookies of its own.

    Args:
        browser: whose.
        url: address of the page.
        output: folder for screenshots.
        outside: is told the address of every request for another machine; it is not made.
    """

    def __init__(self, browser: Browser, url: str, output: Path, outside: list[str]) -> None:
        self.url, self.output, self.outside = url, output, outside
        self.context = browser.new_context(viewport={"width": 1280, "height": 800})
        self.context.set_default_timeout(PATIENCE)
        self.context.on("request", self._asked)
        self.page = self.context.new_page()

    def _asked(self, request: Request) -> None:
        if urlsplit(request.url).hostname not in LOCAL:
            self.outside.append(request.url)

    def open(self, path: str = "/") -> None:
        """Go to an address of the page."""
        self.page.goto(self.url + path, wait_until="domcontentloaded")

    def log_in(self, email: str, password: str) -> None:
        """Log in, and wait for the chat; what greets a new visitor is put away."""
        self.open()
        self.page.wait_for_selector("input[type=password]")
        self.page.fill("input[type=email]", email)
        self.page.fill("input[type=password]", password)
        self.shot("login")
        self.page.click("button[type=submit]")
        self.page.wait_for_selector(QUESTION)
        greeting = self.page.get_by_role("button", name=re.compile("Okay, Let's Go", re.IGNORECASE))
        with contextlib.suppress(Exception):
            greeting.click(timeout=3000)

    def models(self) -> str:
        """Return what the button that chooses the model says."""
        button = self.page.locator('[id^="model-selector"][id$="-button"]').first
        button.wait_for()
        return button.inner_text().strip()

    def choose(self, model: str) -> None:
        """Choose the model to chat with."""
        self.page.locator('[id^="model-selector"][id$="-button"]').first.click()
        entry = self.page.get_by_role("option", name=re.compile(re.escape(model)))
        entry.or_(self.page.locator(f'[data-value="{model}"]')).first.click()

    def settled(self, seconds: float = 90.0) -> list[str]:
        """Return the different texts that the last answer shows, until it has not changed for three seconds."""
        seen: list[str] = []
        ends, changed = time.monotonic() + seconds, time.monotonic()
        while time.monotonic() < ends and (not seen or not seen[-1] or time.monotonic() < changed + 3):
            found = self.page.locator(ANSWERS)
            text = found.last.inner_text().strip() if found.count() else ""
            if not seen or text != seen[-1]:
                seen.append(text)
                changed = time.monotonic()
            self.page.wait_for_timeout(50)
        return seen

    def ask(self, question: str) -> None:
        """Send a question."""
        self.page.click(QUESTION)
        self.page.keyboard.type(question)
        self.page.keyboard.press("Enter")

    def answer(self, ending: str, seconds: float = 30.0) -> list[str]:
        """Return the different texts that the last answer shows, until it has some text.

        Raises:
            AssertionError: it does not come to have it.
        """
        seen: list[str] = []
        ends = time.monotonic() + seconds
        while not seen or ending not in seen[-1]:
            assert time.monotonic() < ends, f"the answer shows {seen[-3:]}, never {ending!r}: {self.text()}"
            found = self.page.locator(ANSWERS)
            text = found.last.inner_text().strip() if found.count() else ""
            if not seen or text != seen[-1]:
                seen.append(text)
            self.page.wait_for_timeout(50)
        return seen

    def text(self) -> str:
        """Return all that the window shows."""
        return self.page.locator("body").inner_text()

    def shot(self, name: str) -> None:
        """Keep a picture of what it shows."""
        self.page.wait_for_timeout(300)
        self.page.screenshot(path=self.output / f"{name}.png")

    def close(self) -> None:
        """Close it."""
        self.context.close()
