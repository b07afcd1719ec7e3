import {$, ADDRESS, button, decimals, draw, field, form, fromLocal, h, invalid, keyed, money, nameOf, on,
	parse, places, post, say, swap} from './page.js'

const COLUMNS = [['name', 'text', {label: 'Item'}], decimals('quantity', 'Quantity', '1'),
	decimals('unit_price', 'Price'), decimals('tax_rate', 'Tax %'), ['note']]
const WAYS = ['over the counter', 'pickup', 'delivery', 'shipment']
let draft

export function newOrder() {
	draft ??= make()
	draw(h('h1', 'New order'), draft)
	$('input', draft).focus()
}

function readWay({type, address, due_at, note}) {
	if (type === WAYS[0]) return null
	if (type === 'pickup') address = null
	else if (!address?.line1) throw invalid('fulfillment.address.line1', 'Where does it go?')
	return {type, address, due_at: fromLocal(due_at), note}
}

const half = (a, b) => (2n * a + b) / (2n * b)
// In thousandths: the quantity, and the percents.
function cost({unit_price, quantity, tax_rate}, isInside) {
	const net = half(unit_price * quantity, 1000n)
	const tax = half(net * tax_rate, isInside ? 100000n + tax_rate : 100000n)
	return {tax, total: isInside ? net : net + tax}
}
const sum = (lines, what) => lines.reduce((all, it) => all + it[what], 0n)
const inputs = row => [...row.querySelectorAll('input')]

const number = lines => lines.forEach(({row}, n) => inputs(row).forEach((input, at) => {
	input.name = `line_items.${n}.${COLUMNS[at][0]}`
}))

function make() {
	const lines = h('div.lines'), totals = h('p.totals', {'aria-live': 'polite'})
	const place = keyed((body, key) => post('orders/create', body, {key}))
	const currency = () => node.elements.currency.value.trim().toUpperCase()

	function add() {
		const before = lines.lastChild
		const row = h('fieldset', h('legend'), COLUMNS.map(field), h('output'),
			button('Remove', () => remove(row), {class: 'plain'}))
		if (before) inputs(row)[3].value = inputs(before)[3].value
		lines.append(row)
		show()
		inputs(row)[0].focus()
	}
	function remove(row) {
		if (lines.children.length < 2) return
		inputs(row.nextSibling ?? row.previousSibling)[0].focus()
		row.remove()
		show()
	}

	// While somebody types, what can't be read counts as nothing.
	const read = isStrict => [...lines.children].map(row => {
		const it = {row}
		inputs(row).forEach((input, at) => {
			const [name] = COLUMNS[at]
			const digits = {quantity: 3, unit_price: places(currency()), tax_rate: 3}[name]
			const given = input.value.trim()
			it[name] = digits == null ? given : parse(given || (name === 'quantity' ? '1' : '0'), digits)
			if (it[name] == null && isStrict) throw invalid(input.name, `A number with at most ${digits} decimals`)
			it[name] ??= 0n
		})
		return {...it, ...cost(it, node.elements.prices_include_tax.checked)}
	})

	function show() {
		const all = read()
		const price = minor => money(minor, /^[A-Z]{3}$/.test(currency()) && currency())
		number(all)
		all.forEach(({row, total}, n) => {
			row.firstChild.textContent = `Line ${n + 1}`
			$('output', row).textContent = price(total)
		})
		swap(totals, `Tax ${price(sum(all, 'tax'))} `, h('strong', {id: 'total'}, `Total ${price(sum(all, 'total'))}`))
	}

	async function submit({prices_include_tax, reference_id, note, customer, fulfillment}) {
		const all = read(true)
		const used = all.filter(it => it.name || it.unit_price)
		const sent = used.length ? used : all
		// Empty lines are not sent: the others get the numbers that they have on the wire.
		number([...new Set([...sent, ...all])])
		const order = await place({
			line_items: sent.map(({name, quantity, unit_price, tax_rate, note}) => ({name, note: note || undefined,
				quantity: Number(quantity) / 1000, unit_price: Number(unit_price), tax_rate: Number(tax_rate) / 1000})),
			currency: currency() || null, prices_include_tax, total: Number(sum(all, 'total')),
			reference_id, note, customer, fulfillment: readWay(fulfillment)
		})
		say(`${nameOf(order)} is placed.`)
		localStorage.currency = currency()
		localStorage.inside = prices_include_tax || ''
		draft = make()
		if (!node.isConnected) return
		node.replaceWith(draft)
		$('input', draft).focus()
	}

	const soon = minutes => button(`in ${minutes} min`, () => {
		node.elements['fulfillment.type'].selectedIndex ||= 1
		const now = new Date()
		const local = new Date(now - (now.getTimezoneOffset() - minutes) * 60000)
		node.elements['fulfillment.due_at'].value = local.toISOString().slice(0, 16)
	})
	const group = (name, ...fields) => h('fieldset', h('legend', name), fields.map(field))
	const way = (name, type, props) => [`fulfillment.${name}`, type, props]
	const node = form([
		lines,
		h('div.fields', button('Add a line', add), field(['currency', 'text', {value: localStorage.currency}]),
			field(['prices_include_tax', 'checkbox', {value: localStorage.inside}])),
		totals,
		h('div.cards', group('Customer', ['customer.name'], ['customer.phone', 'tel'], ['customer.email', 'email']),
			group('Fulfilment', way('type', WAYS, {label: 'How'}), h('p.buttons', [15, 30, 60].map(soon)),
				way('due_at', 'datetime-local', {label: 'Due'}), way('note'),
				...ADDRESS.map(it => way(`address.${it}`, 'text', {hint: it === 'country' && 'two letters'}))),
			group('Order', ['reference_id', 'text', {label: 'Reference'}], ['note', 'textarea']))
	], 'Place order', submit,
	{class: 'new', input: () => show(), more: h('small', 'Enter: next line. Ctrl Enter: place it.')})

	on(node, 'keydown', event => {
		const row = event.target.matches('input') && event.target.closest('.lines fieldset')
		const isEnd = event.ctrlKey || event.metaKey
		if (event.key !== 'Enter' || !(row || isEnd)) return
		event.preventDefault()
		if (isEnd) node.requestSubmit()
		else if (row.nextSibling) inputs(row.nextSibling)[0].focus()
		else add()
	})
	add()
	return node
}
