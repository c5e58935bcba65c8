import type { Config } from '@netlify/functions'
import { handler } from './handler.ts'

export default handler
export const config: Config = { path: '/notify' }
