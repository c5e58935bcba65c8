/** Computes for so many milliseconds without a pause. */
export function compute(milliseconds: number): void {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
}
