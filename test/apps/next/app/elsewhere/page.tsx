export default function Page() {
  return <p>elsewhere</p>
}
