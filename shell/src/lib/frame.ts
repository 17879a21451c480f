/** Longest wait where no frame is drawn: a window that is covered or hidden draws none. */
const HIDDEN_MS = 250;

/**
 * Make a function that has `draw` called at the next frame, once, however often it is called until
 * then. `cancel` takes it back.
 */
export function oncePerFrame(draw: () => void): { ask(): void; cancel(): void } {
  let frame: number | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const cancel = () => {
    if (frame !== undefined) cancelAnimationFrame(frame);
    clearTimeout(timer);
    frame = timer = undefined;
  };
  const now = () => {
    cancel();
    draw();
  };
  return {
    ask() {
      if (frame !== undefined) return;
      frame = requestAnimationFrame(now);
      timer = setTimeout(now, HIDDEN_MS);
    },
    cancel,
  };
}
