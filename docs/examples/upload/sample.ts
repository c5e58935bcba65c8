import { setTimeout as sleep } from 'node:timers/promises'

const words =
  'the response goes out first and when it is over the tasks run in the order added'.split(' ')

/** Uploads a sample to the server at `origin`, and prints what happens until it is compressed. */
export async function uploadSample(origin: string): Promise<void> {
  const body = makeSample(8_000_000)
  const start = performance.now()
  const show = (event: string): void => {
    console.log(`${(performance.now() - start).toFixed(1).padStart(8)} ms  ${event}`)
  }
  show(`upload sent: POST ${origin}/uploads, ${body.length / 1_000_000} MB`)
  const accepted = await fetch(`${origin}/uploads`, { method: 'POST', body })
  await accepted.body?.cancel()
  const location = accepted.headers.get('location') ?? ''
  show(`response complete: ${accepted.status}, its status is at ${location}`)
  const cookie = accepted.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  let slowest = 0
  let shown = ''
  for (;;) {
    const asked = performance.now()
    const response = await fetch(new URL(location, origin), { headers: { cookie } })
    const { state, done, compressed } = await response.json()
    slowest = Math.max(slowest, performance.now() - asked)
    const text = state === 'running' ? `running: ${Math.round(done * 100)} %` : state
    if (text !== shown) show(text)
    shown = text
    if (state === 'done') show(`compressed to ${(compressed / 1_000_000).toFixed(1)} MB`)
    if (state === 'done' || state === 'failed') break
    await sleep(100)
  }
  show(`slowest answer of the server meanwhile: ${Math.round(slowest)} ms`)
}

/** Text of so many bytes, which no compressor finds too easy. */
function makeSample(size: number): string {
  let random = 1
  const next = (): number => (random = (random * 48_271) % 2_147_483_647)
  const parts: string[] = []
  for (let length = 0; length < size; length += parts.at(-1)?.length ?? 0) {
    parts.push(`${words[next() % words.length]} ${next().toString(36)} `)
  }
  return parts.join('').slice(0, size)
}
