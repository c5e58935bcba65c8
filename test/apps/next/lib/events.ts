/** What the suite reads on the server's output. */
export function report(type: string, id: string, detail: Record<string, unknown> = {}): void {
  console.log(`@event ${JSON.stringify({ type, id, ...detail })}`)
}
