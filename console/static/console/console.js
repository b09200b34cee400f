// Copy buttons, line numbers of the editor, questions before what cannot be undone, and secrets that leave with the page.
(function () {
  "use strict";

  function copy(button) {
    var source = document.getElementById(button.dataset.copy);
    var text = source.value !== undefined ? source.value : source.textContent;
    var done = function () {
      var word = button.textContent;
      button.textContent = "Copied";
      setTimeout(function () { button.textContent = word; }, 1500);
    };
    if (navigator.clipboard && window.isSecureContext) {
      navigator.clipboard.writeText(text.trim()).then(done);
      return;
    }
    // Without TLS browsers keep the clipboard to themselves, but copy what is selected.
    var range = document.createRange();
    range.selectNodeContents(source);
    var selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    if (document.execCommand("copy")) { done(); }
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-copy]");
    if (button) { event.preventDefault(); copy(button); }
  });

  document.addEventListener("submit", function (event) {
    var question = event.target.dataset.confirm;
    if (question && !window.confirm(question)) { event.preventDefault(); }
  });

  // A page kept for "back" must not show a secret again.
  window.addEventListener("pagehide", function () {
    document.querySelectorAll("[data-secret]").forEach(function (each) { each.textContent = "not shown again"; });
  });

  function numberLines(area) {
    var gutter = document.createElement("pre");
    gutter.className = "cx-gutter";
    gutter.setAttribute("aria-hidden", "true");
    area.parentNode.classList.add("cx-editor");
    area.parentNode.insertBefore(gutter, area);
    var draw = function () {
      var count = area.value.split("\n").length, words = [];
      for (var line = 1; line <= count; line += 1) { words.push(line); }
      gutter.textContent = words.join("\n");
      gutter.scrollTop = area.scrollTop;
    };
    area.addEventListener("input", draw);
    area.addEventListener("scroll", function () { gutter.scrollTop = area.scrollTop; });
    area.addEventListener("keydown", function (event) {
      if (event.key !== "Tab" || event.shiftKey || event.altKey || event.ctrlKey) { return; }
      event.preventDefault();
      area.setRangeText("  ", area.selectionStart, area.selectionEnd, "end");
      draw();
    });
    draw();
  }

  function isSelecting(part) {
    var selection = window.getSelection();
    return Boolean(selection && !selection.isCollapsed && part.contains(selection.anchorNode));
  }

  // Logs that were at their end stay there; whatever else was scrolled stays where it was, and so does the focus.
  function replace(part, text) {
    var places = {}, focused = part.contains(document.activeElement) ? document.activeElement : null;
    var kept = function (each) { return each.dataset.follow !== undefined ? "log " + each.dataset.follow : each.dataset.keep; };
    var href = focused && focused.getAttribute("href"), name = focused && focused.dataset && kept(focused);
    part.querySelectorAll("[data-follow], [data-keep]").forEach(function (each) {
      places[kept(each)] = {
        isAtEnd: each.scrollTop + each.clientHeight >= each.scrollHeight - 8, top: each.scrollTop, left: each.scrollLeft
      };
    });
    var fresh = new DOMParser().parseFromString(text, "text/html").body;
    part.replaceChildren.apply(part, Array.from(fresh.childNodes));
    part.querySelectorAll("[data-follow], [data-keep]").forEach(function (each) {
      var place = places[kept(each)], follows = each.dataset.follow !== undefined;
      if (follows && (!place || place.isAtEnd)) { each.scrollTop = each.scrollHeight; }
      else if (place) { each.scrollTop = place.top; }
      if (place) { each.scrollLeft = place.left; }
      if (name && kept(each) === name) { each.focus({ preventScroll: true }); }
    });
    if (href) {
      Array.from(part.querySelectorAll("a")).some(function (each) {
        if (each.getAttribute("href") !== href) { return false; }
        each.focus({ preventScroll: true });
        return true;
      });
    }
  }

  // A part of the page that asks for itself until it says that nothing will change any more.
  function refresh(part) {
    var pause = 2000, seen = "";
    var again = function () { setTimeout(ask, document.hidden ? 5 * pause : pause); };
    var ask = function () {
      fetch(part.dataset.refresh, { credentials: "same-origin" }).then(function (answer) {
        // Signed out meanwhile: the page stays as it is.
        if (answer.redirected) { return; }
        if (!answer.ok) { again(); return; }
        answer.text().then(function (text) {
          // What did not change stays as it is, and nobody's selection is taken away.
          if (text !== seen && !isSelecting(part)) { replace(part, text); seen = text; }
          if (!part.querySelector("[data-finished]")) { again(); }
        });
      }, again);
    };
    part.querySelectorAll("[data-follow]").forEach(function (log) { log.scrollTop = log.scrollHeight; });
    if (!part.querySelector("[data-finished]")) { again(); }
  }

  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll("[data-refresh]").forEach(refresh);
    document.querySelectorAll("textarea.cx-code").forEach(numberLines);
    document.querySelectorAll(".cx-tabs [aria-current]").forEach(function (tab) {
      tab.parentNode.scrollLeft = tab.offsetLeft - tab.parentNode.offsetLeft - 24;
    });
    var kind = document.getElementById("id_kind");
    if (!kind) { return; }
    // The fields of a new key that its kind has no use for.
    var choose = function () {
      document.querySelectorAll("[data-kind]").forEach(function (each) {
        each.hidden = each.dataset.kind !== kind.value;
      });
    };
    kind.addEventListener("change", choose);
    choose();
  });
})();
