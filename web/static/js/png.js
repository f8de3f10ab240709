// Reads a grey PNG with all its bits. A canvas would cut 16 bits down to 8, and with them the score map.

import { unfilter } from "./maths.js";

/** { width, height, values } of an 8- or 16-bit grey PNG; values run from 0 to 1. */
export async function readGrey(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const view = new DataView(bytes.buffer);
  let width = 0;
  let height = 0;
  let depth = 0;
  const parts = [];
  for (let at = 8; at + 8 <= bytes.length; ) {
    const size = view.getUint32(at);
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (kind === "IHDR") {
      [width, height, depth] = [view.getUint32(at + 8), view.getUint32(at + 12), bytes[at + 16]];
      if (bytes[at + 17] !== 0 || (depth !== 8 && depth !== 16) || bytes[at + 20] !== 0) throw new Error("not a plain grey PNG");
    } else if (kind === "IDAT") parts.push(bytes.subarray(at + 8, at + 8 + size));
    at += 12 + size;
  }
  const inflated = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate"));
  const pixelBytes = depth / 8;
  const rows = unfilter(new Uint8Array(await new Response(inflated).arrayBuffer()), height, width * pixelBytes, pixelBytes);
  const values = new Float32Array(width * height);
  for (let i = 0; i < values.length; i++) values[i] = depth === 8 ? rows[i] / 255 : ((rows[2 * i] << 8) | rows[2 * i + 1]) / 65535;
  return { width, height, values };
}
