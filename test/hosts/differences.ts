import type { Measured } from './cases/case.ts'
import type { Form } from './host-server.ts'
import type { HostName } from './hosts.ts'

/** A documented limit: where a host does otherwise than the standard of a case. */
interface Difference {
  readonly hosts: readonly HostName[]
  readonly cases: RegExp
  readonly forms: readonly Form[]
  /** Exactly what is measured instead; `undefined` where the case cannot be measured. */
  readonly measured: Partial<Measured> | undefined
  readonly reason: string
}

export const differences: readonly Difference[] = []

/** What the case must measure on this host, or the reason why it cannot be measured. */
export function expected(
  host: HostName,
  caseName: string,
  form: Form,
  standard: Measured,
): Measured | string {
  let measured = standard
  for (const each of differences) {
    if (!each.hosts.includes(host) || !each.forms.includes(form)) continue
    if (!each.cases.test(caseName)) continue
    if (each.measured === undefined) return each.reason
    measured = { ...measured, ...each.measured }
  }
  return measured
}
