import { report } from './events'

export function writeLog(message: string): void {
  report('log', message)
}
