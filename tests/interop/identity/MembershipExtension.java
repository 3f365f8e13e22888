import java.util.HashSet;
import java.util.List;

import org.eclipse.edc.connector.controlplane.catalog.spi.policy.CatalogPolicyContext;
import org.eclipse.edc.connector.controlplane.contract.spi.policy.ContractNegotiationPolicyContext;
import org.eclipse.edc.connector.controlplane.contract.spi.policy.TransferProcessPolicyContext;
import org.eclipse.edc.iam.verifiablecredentials.spi.model.VerifiableCredential;
import org.eclipse.edc.participant.spi.ParticipantAgentPolicyContext;
import org.eclipse.edc.policy.context.request.spi.RequestCatalogPolicyContext;
import org.eclipse.edc.policy.context.request.spi.RequestContractNegotiationPolicyContext;
import org.eclipse.edc.policy.context.request.spi.RequestPolicyContext;
import org.eclipse.edc.policy.context.request.spi.RequestTransferProcessPolicyContext;
import org.eclipse.edc.policy.context.request.spi.RequestVersionPolicyContext;
import org.eclipse.edc.policy.engine.spi.PolicyEngine;
import org.eclipse.edc.policy.engine.spi.RuleBindingRegistry;
import org.eclipse.edc.policy.model.Permission;
import org.eclipse.edc.runtime.metamodel.annotation.Inject;
import org.eclipse.edc.spi.security.Vault;
import org.eclipse.edc.spi.system.ServiceExtension;
import org.eclipse.edc.spi.system.ServiceExtensionContext;

/**
 * What a dataspace adds to an EDC, which has no setting for it: everybody shows a membership, and a policy may ask for one
 * by the operand "membership". The secret for its token service goes into the vault, which is empty at each start.
 */
public final class MembershipExtension implements ServiceExtension {
    private static final String SCOPE = "org.eclipse.edc.vc.type:MembershipCredential:read";
    private static final String OPERAND = "https://w3id.org/edc/v0.0.1/ns/membership";

    @Inject private PolicyEngine engine;
    @Inject private RuleBindingRegistry bindings;
    @Inject private Vault vault;

    @Override
    public void initialize(ServiceExtensionContext context) {
        vault.storeSecret("token-secret", context.getConfig().getString("test.token.secret"));
        askFor(RequestCatalogPolicyContext.class);
        askFor(RequestContractNegotiationPolicyContext.class);
        askFor(RequestTransferProcessPolicyContext.class);
        askFor(RequestVersionPolicyContext.class);
        judge(CatalogPolicyContext.class, CatalogPolicyContext.CATALOG_SCOPE);
        judge(ContractNegotiationPolicyContext.class, ContractNegotiationPolicyContext.NEGOTIATION_SCOPE);
        judge(TransferProcessPolicyContext.class, TransferProcessPolicyContext.TRANSFER_SCOPE);
    }

    private <C extends RequestPolicyContext> void askFor(Class<C> kind) {
        engine.registerPostValidator(kind, (policy, request) -> {
            var scopes = new HashSet<>(request.requestScopeBuilder().build().getScopes());
            scopes.add(SCOPE);
            request.requestScopeBuilder().scopes(scopes);
            return true;
        });
    }

    private <C extends ParticipantAgentPolicyContext> void judge(Class<C> kind, String scope) {
        bindings.bind("http://www.w3.org/ns/odrl/2/use", scope);
        bindings.bind(OPERAND, scope);
        engine.registerFunction(kind, Permission.class, OPERAND, (operator, right, permission, asked) ->
            asked.participantAgent().getClaims().get("vc") instanceof List<?> shown
                && shown.stream().anyMatch(MembershipExtension::isMembership));
    }

    private static boolean isMembership(Object shown) {
        return shown instanceof VerifiableCredential one && one.getType().stream().anyMatch("MembershipCredential"::equals);
    }
}
