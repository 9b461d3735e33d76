// Copies a code by a button, and shows and announces that; without a clipboard it selects the code.
(() => {
  "use strict";

  const SHOWN_MS = 4000;
  // A browser that asks its user, or runs inside another app, may never answer.
  const TIMEOUT_MS = 1500;

  let ending = null;

  const timeOut = () => new Promise((_, reject) => setTimeout(reject, TIMEOUT_MS));

  async function copy(code) {
    try {
      await Promise.race([navigator.clipboard.writeText(code.value), timeOut()]);
      return true;
    } catch {
      // The clipboard is missing or not allowed: a page without HTTPS has none.
      code.focus();
      code.select();
      return document.execCommand("copy");
    }
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copies]");
    if (!button) return;
    const words = (button.dataset.words ??= button.textContent);
    const copied = await copy(document.getElementById(button.dataset.copies));
    button.textContent = copied ? "Código copiado" : "Código selecionado: copie";
    const detail = copied
      ? "Código copiado. Cole no aplicativo do seu banco."
      : "Código selecionado. Copie e cole no aplicativo do seu banco.";
    document.dispatchEvent(new CustomEvent("extrato:say", { detail }));
    clearTimeout(ending);
    ending = setTimeout(() => { button.textContent = words; }, SHOWN_MS);
  });

  // One touch selects the whole code.
  document.addEventListener("focusin", (event) => {
    if (event.target.matches("textarea[readonly]")) event.target.select();
  });

  document.documentElement.classList.add("can-copy");
})();
