# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether the text of a page stands out from its ground (WCAG AA: 4.5 to 1)."""

# A script that returns the texts that do not, each with its contrast; the lightness of the page's
# ground, 0 to 1; and how many cells of tables were looked at.
DIM = """
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const rgb = (colour, under) => {
  canvas.globalCompositeOperation = "copy";
  canvas.fillStyle = under ? `rgb(${under})` : "#000";
  canvas.fillRect(0, 0, 1, 1);
  canvas.globalCompositeOperation = "source-over";
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
};
const behind = (one) => {
  const chain = [];
  for (let at = one; at; at = at.parentElement) chain.unshift(getComputedStyle(at).backgroundColor);
  return chain.reduce((under, colour) => rgb(colour, under), [255, 255, 255]);
};
const light = (colour) => colour.map((part) => part / 255).map(
  (part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
  .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
document.querySelectorAll("details").forEach((one) => { one.open = true; });
const found = [];
for (const one of document.querySelectorAll("body *")) {
  const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!own || one.closest("svg, script, .unseen, [hidden]")) continue;
  if (!one.getClientRects().length) continue;
  const ground = behind(one);
  const [a, b] = [light(ground), light(rgb(getComputedStyle(one).color, ground))];
  const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (contrast < 4.5) found.push([one.textContent.trim(), contrast]);
}
return [found, light(behind(document.body)), document.querySelectorAll("td").length];
"""
