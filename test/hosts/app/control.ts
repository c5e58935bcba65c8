/** Shared by the cases of one process. The client opens a gate with `GET /open/<gate>`. */
const opened = new Set<string>()

export function open(gate: string): void {
  opened.add(gate)
}

/** Polled, because a Worker must not settle a promise of another request. */
export async function passed(gate: string): Promise<void> {
  while (!opened.has(gate)) await pause(2)
}

export async function anyOf(...gates: string[]): Promise<void> {
  while (!gates.some((gate) => opened.has(gate))) await pause(2)
}

export function isOpen(gate: string): boolean {
  return opened.has(gate)
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

/** Tells the test what happened, in the form that `server-process.ts` reads. */
export function report(type: string, id: string, details: Record<string, unknown> = {}): void {
  console.log(`@event ${JSON.stringify({ type, id, ...details })}`)
}
