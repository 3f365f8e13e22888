import org.eclipse.edc.identityhub.defaults.EdcScopeToCriterionTransformer;
import org.eclipse.edc.identityhub.spi.transformation.ScopeToCriterionTransformer;
import org.eclipse.edc.runtime.metamodel.annotation.Provider;
import org.eclipse.edc.spi.result.Result;
import org.eclipse.edc.spi.system.ServiceExtension;

/** What makes an IdentityHub a wallet of Catena-X: it knows that dataspace's name for the type of a credential, and no other. */
public final class ScopesExtension implements ServiceExtension {
    private static final String CATENA_X = "org.eclipse.tractusx.vc.type:";

    @Provider
    public ScopeToCriterionTransformer scopes() {
        var edc = new EdcScopeToCriterionTransformer();
        return scope -> scope.startsWith(CATENA_X)
            ? edc.transform("org.eclipse.edc.vc.type:" + scope.substring(CATENA_X.length()))
            : Result.failure("Scope alias must be " + CATENA_X);
    }
}
