import { report } from './events'

/** Holds the whole thread for a while, where there is no file to wait for. */
export function spin(id: string): void {
  const deadline = Date.now() + 1500
  while (Date.now() < deadline);
  report('spun', id)
}
