import { createHash } from 'node:crypto'
import type { RawResponse } from '../support/client.ts'

/** What differs from the bare handler's answer: `same`, or `-lost +gained`, header by header. */
export function compare(bare: RawResponse, response: RawResponse): string {
  const before = describe(bare)
  const after = describe(response)
  const lost = before.filter((line) => !take(after, line)).map((line) => `-${line}`)
  const gained = after.map((line) => `+${line}`)
  return [...lost, ...gained].join(' ') || 'same'
}

function describe({ status, statusText, headers, body, complete }: RawResponse): string[] {
  return [
    `${status} ${statusText}`.trim(),
    ...headers.filter(([name]) => name !== 'date').map(([name, value]) => `${name}:${value}`),
    `body:${body.length} bytes${body.length < 200 ? ` ${JSON.stringify(String(body))}` : ` ${createHash('sha256').update(body).digest('hex')}`}`,
    complete ? 'complete' : 'cut',
  ]
}

function take(lines: string[], line: string): boolean {
  const at = lines.indexOf(line)
  if (at !== -1) lines.splice(at, 1)
  return at !== -1
}
