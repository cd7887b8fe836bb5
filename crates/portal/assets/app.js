// Small conveniences over pages that work without them: copy buttons, dialogs made of pages,
// menus that close, a search shortcut, and regions that refresh while a job runs.
(() => {
  "use strict";
  document.documentElement.classList.add("scripted");

  // On a phone the tabs scroll sideways; the current one is in sight.
  const tab = document.querySelector(".tabs [aria-current]");
  if (tab) tab.scrollIntoView({ block: "nearest", inline: "center" });

  const copy = async (button) => {
    const text = button.dataset.copy;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Plain HTTP has no clipboard API outside of localhost.
      const area = document.createElement("textarea");
      area.value = text;
      area.className = "hidden-visually";
      (button.closest("dialog") || document.body).append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      button.focus();
    }
    const use = button.querySelector("use");
    const before = use.getAttribute("href");
    use.setAttribute("href", before.replace(/#.*$/, "#check"));
    button.classList.add("done");
    const live = document.getElementById("announce");
    if (live) live.textContent = live.dataset.copied;
    setTimeout(() => {
      use.setAttribute("href", before);
      button.classList.remove("done");
      if (live) live.textContent = "";
    }, 1600);
  };

  // A link with data-dialog leads to a page with one form; here its card opens in place.
  const openDialog = async (link) => {
    const answer = await fetch(link.href, { headers: { "X-Requested-With": "dialog" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const card = page.querySelector("[data-dialog-body]");
    if (!answer.ok || !card) {
      location.assign(link.href);
      return;
    }
    const dialog = document.createElement("dialog");
    const heading = card.querySelector("h1, h2");
    if (heading) {
      heading.id = "dialog-title";
      dialog.setAttribute("aria-labelledby", heading.id);
    }
    dialog.append(document.adoptNode(card));
    dialog.addEventListener("close", () => {
      dialog.remove();
      link.focus();
    });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog || event.target.closest("[data-cancel]")) {
        event.preventDefault();
        dialog.close();
      }
    });
    document.body.append(dialog);
    dialog.showModal();
    const first = dialog.querySelector("[autofocus], input:not([type=hidden]), select, textarea");
    if (first) first.focus();
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) {
      copy(button);
      return;
    }
    const link = event.target.closest("a[data-dialog]");
    if (link && !event.metaKey && !event.ctrlKey && !event.shiftKey && event.button === 0) {
      event.preventDefault();
      openDialog(link).catch(() => location.assign(link.href));
      return;
    }
    for (const menu of document.querySelectorAll("details.popup[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      for (const menu of document.querySelectorAll("details.popup[open]")) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
    }
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.metaKey && !event.ctrlKey && !event.altKey) {
      const find = document.getElementById("find");
      if (find) {
        event.preventDefault();
        find.focus();
      }
    }
  });

  // A control with data-submit sends its form when it changes; its button is for those without script.
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });

  // One answer per press.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });

  // Regions marked data-live are replaced from the page itself until it says that all is done.
  const refresh = async () => {
    const regions = [...document.querySelectorAll("[data-live]")];
    if (regions.length === 0) return;
    if (!document.hidden) {
      try {
        const answer = await fetch(location.href, { headers: { "X-Requested-With": "live" } });
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const region of regions) {
          const fresh = page.getElementById(region.id);
          if (!fresh || fresh.isEqualNode(region)) continue;
          const log = region.querySelector(".log");
          const stuck = log && log.scrollTop + log.clientHeight > log.scrollHeight - 30;
          const top = log ? log.scrollTop : 0;
          region.replaceWith(document.adoptNode(fresh));
          const next = fresh.querySelector(".log");
          if (next) next.scrollTop = stuck ? next.scrollHeight : top;
        }
      } catch {
        // The server restarts or the network is away: the next round tries again.
      }
    }
    setTimeout(refresh, 2000);
  };
  setTimeout(refresh, 2000);

  // Times are told in UTC by the server; a hover tells them in the reader's own zone.
  document.addEventListener("mouseover", (event) => {
    const time = event.target.closest("time[datetime]:not([data-zoned])");
    if (!time) return;
    time.dataset.zoned = "yes";
    time.title = new Date(time.dateTime).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "long" });
  });
})();
