import {$, ADDRESS, button, buttons, decimal, field, form, fromLocal, h, invalid, keeper, line, money, nameOf, on, parse, places, post, say, sum, swap, title, toLocal} from './page.js'

const decimals = (name, label, value) => [name, 'text', {label, value, inputmode: 'decimal'}]
const COLUMNS = [['name', 'text', {label: 'Item'}], decimals('quantity', 'Quantity', '1'), decimals('unit_price', 'Price'), decimals('tax_rate', 'Tax %'), ['note']]
const WAY = 'fulfillment.'
let draft = null

export default function page({main}) {
	draft ??= make()
	main.replaceChildren(title('New order'), draft)
	$('input', draft).focus()
}

function part(values, prefix) {
	const given = Object.entries(values).filter(([name, it]) => name.startsWith(prefix) && it)
	return given.length ? Object.fromEntries(given.map(([name, it]) => [name.slice(prefix.length), it])) : null
}

function readWay(values) {
	const type = values[`${WAY}type`], address = part(values, `${WAY}address.`)
	if (type.includes(' ')) return null
	if (type !== 'pickup' && !address?.line1) throw invalid(`${WAY}address.line1`, 'Where does it go?')
	return {type, due_at: fromLocal(values[`${WAY}due_at`]), note: values[`${WAY}note`], address: type === 'pickup' ? null : address}
}

function make() {
	const lines = h('div.lines'), totals = h('p.totals', {'aria-live': 'polite'}), key = keeper()
	const currency = () => node.elements.currency.value.trim().toUpperCase(), inputs = row => [...row.querySelectorAll('input')]

	function add() {
		const before = lines.lastChild, row = h('fieldset', h('legend'), COLUMNS.map(field), h('output'), button('Remove', () => {
			if (lines.children.length < 2) return
			inputs(row.nextSibling ?? row.previousSibling)[0].focus()
			row.remove()
			show()
		}, {class: 'plain'}))
		if (before) inputs(row)[3].value = inputs(before)[3].value
		lines.append(row)
		show()
		inputs(row)[0].focus()
	}

	// While somebody types, what can't be read counts as nothing.
	const read = isStrict => [...lines.children].map((row, n) => {
		const it = {row, n}
		inputs(row).forEach((input, at) => {
			const key = COLUMNS[at][0], digits = {quantity: 3, unit_price: places(currency()), tax_rate: 3}[key]
			input.name = `line_items.${n}.${key}`
			it[key] = digits == null ? input.value.trim() : parse(input.value || (key === 'quantity' ? '1' : '0'), digits)
			if (it[key] == null && isStrict) throw invalid(input.name, `A number with at most ${digits} decimals`)
			it[key] ??= 0n
		})
		return {...it, ...line(it, node.elements.prices_include_tax.checked)}
	})

	function show() {
		const all = read(), price = minor => money(minor, /^[A-Z]{3}$/.test(currency()) && currency())
		for (const {row, n, total} of all) {
			row.firstChild.textContent = `Line ${n + 1}`
			$('output', row).textContent = price(total)
		}
		swap(totals, `Tax ${price(sum(all.map(it => it.tax)))} `, h('strong#total', `Total ${price(sum(all.map(it => it.total)))}`))
	}

	async function submit(values) {
		const {prices_include_tax, reference_id, note} = values, all = read(true), used = all.filter(it => it.name || it.unit_price), sent = used.length ? used : all
		const body = {line_items: sent.map(({name, quantity, unit_price, tax_rate, note}) => ({name, quantity: Number(decimal(quantity, 3)), unit_price: Number(unit_price), tax_rate: Number(decimal(tax_rate, 3)), note: note || undefined})),
			currency: currency() || null, prices_include_tax, total: Number(sum(all.map(it => it.total))), reference_id, note, customer: part(values, 'customer.'), fulfillment: readWay(values)}
		try {
			say(`${nameOf(await post('orders/create', body, {key: key(body)}))} is placed.`)
		} catch (fault) {
			// Empty lines are not sent: those after them have other numbers on the wire.
			for (const it of fault.fields ?? []) it[0] = it[0].replace(/^line_items\.(\d+)/, (_, n) => `line_items.${sent[n].n}`)
			throw fault
		}
		localStorage.currency = currency()
		localStorage.inside = prices_include_tax || ''
		draft = make()
		if (!node.isConnected) return
		node.replaceWith(draft)
		$('input', draft).focus()
	}

	const soon = minutes => button(`in ${minutes} min`, () => {
		node.elements[`${WAY}type`].selectedIndex ||= 1
		node.elements[`${WAY}due_at`].value = toLocal(new Date(Date.now() + minutes * 60000))
	})
	const group = (name, ...fields) => h('fieldset', h('legend', name), fields.map(field))
	const node = form([lines, h('div.fields', button('Add a line', add), field(['currency', 'text', {value: localStorage.currency}]), field(['prices_include_tax', 'checkbox', {value: localStorage.inside}])), totals,
		h('div.cards', group('Customer', ['customer.name'], ['customer.phone', 'tel'], ['customer.email', 'email']),
			group('Fulfilment', [`${WAY}type`, ['over the counter', 'pickup', 'delivery', 'shipment'], {label: 'How'}], buttons([15, 30, 60].map(soon)), [`${WAY}due_at`, 'datetime-local', {label: 'Due'}], [`${WAY}note`],
				...ADDRESS.map(it => [`${WAY}address.${it}`, 'text', {hint: it === 'country' && 'two letters'}])),
			group('Order', ['reference_id', 'text', {label: 'Reference'}], ['note', 'textarea']))],
	'Place order', submit, {class: 'new', input: () => show(), more: h('small', 'Enter: next line. Ctrl Enter: place it.')})

	on(node, 'keydown', event => {
		const row = event.target.matches('input') && event.target.closest('.lines fieldset'), isEnd = event.ctrlKey || event.metaKey
		if (event.key !== 'Enter' || !(row || isEnd)) return
		event.preventDefault()
		if (isEnd) node.requestSubmit()
		else if (row.nextSibling) inputs(row.nextSibling)[0].focus()
		else add()
	})
	add()
	return node
}
