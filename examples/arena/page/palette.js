// The colours of the sixteen slots: hues as far apart as they go for the slots used first, in two
// lightnesses, so that neighbours in the list are easy to tell apart.

const HUES = [192, 342, 44, 128, 272, 18, 222, 80];

export function slotColour(slot, lightness = 0) {
  const hue = HUES[slot % HUES.length];
  const base = slot < HUES.length ? 60 : 76;
  return `hsl(${hue} 88% ${base + lightness}%)`;
}
