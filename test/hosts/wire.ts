import { createHash } from 'node:crypto'
import type { RawResponse } from '../support/client.ts'

/** What differs from the bare handler's answer: `same`, or what was lost and what was gained. */
export function compare(bare: RawResponse, response: RawResponse): string {
  const before = describe(bare)
  const after = describe(response)
  const lost = before.filter((line) => !take(after, line)).map((line) => `-${name(line)}`)
  const gained = after.map((line) => `+${name(line)}`)
  return [...lost.toSorted(), ...gained.toSorted()].join(' ') || 'same'
}

function describe({ status, statusText, headers, body, complete }: RawResponse): string[] {
  return [
    `status: ${status} ${statusText}`,
    ...headers.filter(([header]) => header !== 'date').map((header) => header.join(': ')),
    `body: ${createHash('sha256').update(body).digest('hex')}`,
    complete ? 'whole: yes' : 'cut: yes',
  ]
}

function name(line: string): string {
  return line.slice(0, line.indexOf(':'))
}

function take(lines: string[], line: string): boolean {
  const at = lines.indexOf(line)
  if (at !== -1) lines.splice(at, 1)
  return at !== -1
}
