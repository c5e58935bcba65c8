export { GET, POST } from '../../bare/[kind]/route'

export const runtime = 'edge'
