import pytest

from daemon.errors import AdapterError, ErpUnavailable
from tests.support.tryton_orders import connected, key_of, some_order
from tests.support.tryton_shop import application_key

pytestmark = [pytest.mark.tryton, pytest.mark.timeout(300)]  # the first of them may have to make a Tryton


async def test_a_refused_key_is_not_tried_again(tryton_server, tryton_proxy):
    """A key that Tryton refused is not sent again, so that nobody is locked out; another key is."""
    async with connected(tryton_server, base_url=tryton_proxy.url, key="0" * 128) as erp:
        with pytest.raises(AdapterError, match="refuses the key") as refused:
            await erp.check()
        assert "User Applications" in refused.value.remedy
        asked = len(tryton_proxy.asked)
        for _ in range(3):
            with pytest.raises(ErpUnavailable, match="refuses the key"):
                await erp.find("c1")
        assert len(tryton_proxy.asked) == asked


async def test_a_new_key_is_read_from_its_file(tryton_server, tmp_path):
    """After a rotation the daemon goes on with the new key, without a restart."""
    file = tmp_path / "key"
    file.write_text("0" * 128)
    async with connected(tryton_server, key=None, key_file=file) as erp:
        with pytest.raises(ErpUnavailable):
            await erp.find("c1")
        file.write_text(f"{tryton_server.key}\n")
        assert await erp.find("c1") is None
        file.unlink()
        with pytest.raises(ErpUnavailable, match="cannot be read"):
            await erp.find("c1")


async def test_what_is_not_set_up_is_told_with_a_remedy(tryton_server, clerk):
    """A wrong database, an unknown company and missing rights each end the check with a remedy."""

    async def told(**fields):
        async with connected(tryton_server, **fields) as erp:
            with pytest.raises(AdapterError) as refused:
                await erp.check()
            assert refused.value.remedy
            return str(refused.value)

    assert "no such database" in await told(database="other")
    assert "0 companies called 'Nobody'" in await told(company="Nobody")
    user = clerk.create("res.user", name="x", login=f"x{some_order().id}", companies=[["add", [1]]], company=1)
    assert "may not read sale.sale, write sale.sale" in await told(key=application_key(clerk, user))
    sales = clerk.search("res.group", ["name", "=", "Sales"])
    clerk.call("res.user", "write", [user], {"groups": [["add", sales]]})
    assert "may not press validate_amendment" in await told(key=application_key(clerk, user), after_confirmation="amend")


async def test_a_button_that_others_may_press_is_told(own_tryton):
    """Where a group of its own may confirm sales, and the import user is not in it, the check says which."""
    clerk = own_tryton.rpc()
    group = clerk.call("res.group", "create", [{"name": "Sales bosses"}])
    button = clerk.search("ir.model.button", ["model", "=", "sale.sale"], ["name", "=", "confirm"])
    clerk.call("ir.model.button", "write", button, {"groups": [["add", group]]})
    async with connected(own_tryton) as erp:
        with pytest.raises(AdapterError, match="may not press confirm") as refused:
            await erp.check()
    assert "Sales bosses" in refused.value.remedy


async def test_a_rule_that_could_hide_a_sale_ends_the_check(own_tryton):
    """A sale that a record rule hides from `find` would be made twice: the check refuses such a set-up."""
    rules = [["create", [{"domain": '[["state", "!=", "draft"]]'}]]]
    group = {"name": "No drafts", "model": "sale.sale", "global_p": True, "rules": rules}
    own_tryton.rpc().call("ir.rule.group", "create", [group])
    async with connected(own_tryton) as erp:
        with pytest.raises(AdapterError, match="'No drafts' can hide sales"):
            await erp.check()


async def test_a_company_by_its_name(tryton_server):
    """The company may be named; it is part of the identity."""
    order = some_order()
    async with connected(tryton_server, company="Huerta Ejido SL") as erp:
        await erp.check()
        assert (await erp.create(order, key_of(order))).live
        assert erp.identity == f"{tryton_server.url}/tryton#Huerta Ejido SL"
