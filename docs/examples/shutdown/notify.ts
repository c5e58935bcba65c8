/** Tells another service, as a webhook does. Stops when its signal aborts. */
export async function notify(id: string, signal: AbortSignal): Promise<void> {
  const url = process.env['WEBHOOK'] ?? 'http://127.0.0.1:4000'
  const response = await fetch(url, { method: 'POST', body: id, signal })
  if (!response.ok) throw new Error(`The webhook answered ${response.status}`)
}
