// Draw the diagrams where Mermaid came along; otherwise their text stays.
document.addEventListener("DOMContentLoaded", () => {
  if (!globalThis.mermaid) return;
  for (const block of document.querySelectorAll(".highlight-mermaid")) {
    const diagram = document.createElement("pre");
    diagram.className = "mermaid";
    diagram.textContent = block.textContent.trim();
    block.replaceWith(diagram);
  }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  mermaid.initialize({ startOnLoad: false, theme: dark ? "dark" : "default", securityLevel: "strict" });
  mermaid.run();
});
